"""The leaderboard, and a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from api.deps import (
    OfTrain,
    ServiceDep,
    Slice,
    SliceDep,
    StoreDep,
    TrialId,
    driven_by_id,
    get_row_choice,
)
from api.parts import Later
from api.rendering import render
from backprop_evo.records.choosing import MAX_CHOSEN_TEXT, RowChoice
from backprop_evo.records.leaderboard import SettingRecord
from backprop_evo.records.searching import Purpose
from backprop_evo.records.steering import RETRIABLE
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.lifecycle import RETRY
from backprop_evo.service.chart_columns import angle_lines
from backprop_evo.store.base import Store

router = APIRouter()
SETTINGS, TOP = 10, 5
CHOICES = {"": "all", "confirmed=true": "confirmed", "starred=true": "starred"}
"""Of the rows of a leaderboard, by what the address of each says."""
TYPED = ("text", "component")
#: A form sends a field that was left empty too.
Typed = Annotated[str, Query(max_length=MAX_CHOSEN_TEXT)]


def chosen_rows(
    confirmed: bool | None = None,
    starred: bool | None = None,
    model: OfTrain = None,
    data: OfTrain = None,
    optimizer: OfTrain = None,
    text: Typed = "",
    component: Typed = "",
) -> RowChoice:
    """As the address of a page says; empty fields choose all. Raises ``InvalidInput``."""
    return get_row_choice(
        text.strip() or None, component.strip() or None, confirmed, starred, model, data, optimizer
    )


RowsDep = Annotated[RowChoice, Depends(chosen_rows)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Links and form that choose rows. ``place`` is what the address says of search or setting."""

    choice: RowChoice
    place: Mapping[str, str]

    @property
    def given(self) -> Mapping[str, str]:
        """Of the choice, as an address has it; empty where all rows are wanted."""
        told = {name: value for name, value in asdict(self.choice).items() if value is not None}
        return {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in told.items()
        }

    @property
    def links(self) -> Sequence[tuple[str, str, bool]]:
        """Address, words and whether it is where one is; each keeps what was typed."""
        own, typed = urlencode(self._given(typed=False)), urlencode(self._given(typed=True))
        choices = CHOICES if own in CHOICES else {**CHOICES, own: "as in the address"}
        return [
            ("&".join(filter(None, (urlencode(self.place), address, typed))), words, address == own)
            for address, words in choices.items()
        ]

    @property
    def kept(self) -> Mapping[str, str]:
        """What the form sends along unseen: all that is not typed into it."""
        return {**self.place, **self._given(typed=False)}

    @property
    def without(self) -> str:
        """The address that forgets what was typed."""
        return urlencode(self.kept)

    @property
    def address(self) -> str:
        """Of these rows, for the link to more of them."""
        return urlencode({**self.place, **self.given})

    def _given(self, *, typed: bool) -> Mapping[str, str]:
        return {name: value for name, value in self.given.items() if (name in TYPED) is typed}


@router.get("/leaderboard")
def leaderboard_page(
    request: Request,
    store: StoreDep,
    service: ServiceDep,
    part: SliceDep,
    choice: RowsDep,
    search_id: Annotated[str | None, Query(max_length=64)] = None,
    setting: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Of one search, of one setting over all searches, or the best of every setting."""
    if not search_id and not setting:
        return _settings_page(request, store, part, choice)
    search = store.searches.get(search_id) if search_id else None
    found = store.leaderboard.setting(setting) if setting and not search else None
    page = store.leaderboard.page(
        search.id if search else None,
        setting_id=found.id if found else None,
        choice=choice,
        cursor=part.cursor,
        limit=part.limit,
    )
    return render(
        request,
        "leaderboard.html",
        page=page,
        search=search,
        verdicts=service.verdicts_of(search) if search else {},
        setting=found,
        rows=RowFilter(choice=choice, place=_place(search, found)),
    )


def _place(search: SearchRecord | None, setting: SettingRecord | None) -> dict[str, str]:
    if search:
        return {"search_id": search.id}
    return {"setting": setting.id} if setting else {}


def _settings_page(request: Request, store: Store, part: Slice, choice: RowChoice) -> Response:
    """Never one ranking of all: accuracies of two settings do not compare."""
    settings = store.leaderboard.settings(cursor=part.cursor, limit=min(part.limit, SETTINGS))
    return render(
        request,
        "settings.html",
        settings=settings,
        best_of=Later(
            lambda: {
                each.id: store.leaderboard.page(setting_id=each.id, choice=choice, limit=TOP).items
                for each in settings.items
            }
        ),
        rows=RowFilter(choice=choice, place={}),
        first=part.cursor is None,
    )


@router.get("/trials/{trial_id}")
def trial_page(request: Request, trial_id: TrialId, store: StoreDep) -> Response:
    """Curves, environment, attempts, and the angles where the trial measured them."""
    trial = store.trials.get(trial_id)
    driven = driven_by_id(store, trial.search_id)
    may_retry = trial.state in RETRIABLE and driven.state in RETRY.legal_in
    alignment = trial.result.alignment if trial.result is not None else ()
    return render(
        request,
        "trial.html",
        trial=trial,
        search=driven,
        spared=store.intermediates.spared([trial_id]).get(trial_id),
        may_retry=RETRY if may_retry else None,
        retries=Later(lambda: store.retries.of(trial_id)),
        is_evaluated=trial.purpose is Purpose.EVALUATION,
        attempts=Later(lambda: store.trials.attempts(trial_id)),
        curve=trial.result.curve if trial.result is not None else (),
        angles=angle_lines(alignment, lambda point: point.update_angle),
        feedback_angles=angle_lines(alignment, lambda point: point.feedback_angle),
    )
