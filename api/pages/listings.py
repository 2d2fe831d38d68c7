"""The leaderboard, and a trial."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.deps import RowChoiceDep, ServiceDep, Slice, SliceDep, StoreDep, TrialId, driven_by_id
from api.parts import Later
from api.rendering import render
from backprop_evo.records.choosing import RowChoice
from backprop_evo.records.searching import Purpose
from backprop_evo.records.steering import RETRIABLE
from backprop_evo.search.lifecycle import RETRY
from backprop_evo.service.chart_columns import angle_lines
from backprop_evo.store.base import Store

router = APIRouter()
SETTINGS, TOP = 10, 5
CHOICES = {"": "all", "confirmed=true": "confirmed", "starred=true": "starred"}
"""Of the rows of a leaderboard, by what the address of each says."""


@router.get("/leaderboard")
def leaderboard_page(
    request: Request,
    store: StoreDep,
    service: ServiceDep,
    part: SliceDep,
    choice: RowChoiceDep,
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
        last_event=Later(store.events.last),
        place=_place(search_id=search.id if search else None, setting=found.id if found else None),
        chosen=_chosen(choice),
        choices=CHOICES,
    )


def _place(**named: str | None) -> str:
    return urlencode({name: value for name, value in named.items() if value is not None})


def _chosen(choice: RowChoice) -> str:
    """As an address has it; empty where all rows are wanted."""
    given = {name: value for name, value in asdict(choice).items() if value is not None}
    return urlencode(
        {name: str(value).lower() if value in (True, False) else value for name, value in given.items()}
    )


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
        place="",
        chosen=_chosen(choice),
        choices=CHOICES,
        first=part.cursor is None,
        last_event=Later(store.events.last),
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
        last_event=Later(store.events.last),
    )
