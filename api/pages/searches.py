"""Pages of one search: overview with its verbs, all trials."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import SearchDep, SearchId, ServiceDep, SliceDep, StoreDep, TalliesDep
from api.pages.chart_tables import (
    ATTEMPTS_A_PAGE,
    EQUATIONS_A_PAGE,
    importances,
    is_measure,
    level,
    slot_attempts,
)
from api.pages.forms import KEY_FIELD, Form, read_form, verb_arguments
from api.parts import Later
from api.rendering import render
from backprop_evo.errors import InvalidEquation, InvalidInput, InvalidSettings
from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS
from backprop_evo.records.choosing import MAX_CHOSEN_TEXT, TrialChoice, TrialOrder
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Role, SearchRecord
from backprop_evo.search.counterparts import offered_verbs
from backprop_evo.search.fruitless import notice
from backprop_evo.search.lifecycle import find_verb
from backprop_evo.service import Service, search_spec_to_json, utc_now
from backprop_evo.service.chart_columns import busy_workers
from backprop_evo.service.comparing import Comparisons
from backprop_evo.service.funnel import progress_of_stages
from backprop_evo.service.tallies import Tallies, Tally
from backprop_evo.store.base import Store

router = APIRouter()
TOP, RECENT, RUNNING, INJECTED = 10, 12, 12, 20
TRANSFER_PRESETS, TRANSFER_SEEDS = "A2, A3, B1", 5
"""What the button for a transfer begins with."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What somebody typed beside the button of a verb, and why it cannot be."""

    verb: str
    form: Form
    error: InvalidSettings


@router.get("/searches/{search_id}")
def search_page(
    request: Request, search: SearchDep, store: StoreDep, service: ServiceDep, tallies: TalliesDep
) -> Response:
    """One search: how far it is, what may be done to it, its best and what runs now."""
    return _search_page(request, search, store, service, tallies)


def _search_page(
    request: Request,
    search: SearchRecord,
    store: Store,
    service: Service,
    tallies: Tallies,
    refusal: Refusal | None = None,
) -> Response:
    comparisons: Comparisons = request.app.state.comparisons
    now = utc_now()
    evaluations = Later(lambda: store.evaluations.of_search(search.id))
    confirmation = Later(
        lambda: next((each for each in evaluations() if each.role is Role.CONFIRMATION), None)
    )
    tally = Later(lambda: tallies.of(search.id, equations=EQUATIONS_A_PAGE))
    leaderboard = Later(lambda: store.leaderboard.page(search.id, limit=TOP))
    stages = Later(lambda: progress_of_stages(store, search))
    return render(
        request,
        "search.html",
        status_code=refusal.error.status if refusal else 200,
        search=search,
        verbs=offered_verbs(search),
        refusal=refusal,
        notice=notice(search),
        spec_json=Later(lambda: search_spec_to_json(search.spec)),
        confirmation=confirmation,
        table=Later(lambda: service.evaluation_table(found) if (found := confirmation()) else None),
        stages=stages,
        open_stage=Later(lambda: next((each for each in stages() if each.is_open), None)),
        counts=Later(lambda: _counts(search, store, tally())),
        transfers=Later(
            lambda: [
                (each, service.evaluation_table(each)) for each in evaluations() if each.role is Role.TRANSFER
            ]
        ),
        transfer_presets=TRANSFER_PRESETS,
        transfer_seeds=TRANSFER_SEEDS,
        injections=Later(lambda: store.injections.of(search.id, after=max(0, search.injections - INJECTED))),
        report_formats=tuple(REPORT_FORMATS),
        key_field=KEY_FIELD,
        idempotency_key=secrets.token_hex(16),
        verdicts=Later(lambda: service.verdicts_of(search)),
        best=Later(lambda: next((row for row in leaderboard().items if not is_measure(row)), None)),
        baseline=Later(lambda: store.leaderboard.baseline(search.id)),
        leaderboard=leaderboard,
        running=Later(
            lambda: (
                store.trials.page(
                    search.id, choice=TrialChoice(state=TrialState.RUNNING), limit=RUNNING
                ).items
            )
        ),
        recent=Later(lambda: store.trials.page(search.id, limit=RECENT).items),
        tally=tally,
        importances=Later(lambda: importances(tally(), level(store, search))),
        busy=Later(lambda: busy_workers(slot_attempts(store, search.id, limit=ATTEMPTS_A_PAGE))),
        comparison=Later(lambda: comparisons.of(search)),
        elapsed_s=_elapsed_s(search, now),
        remaining_s=_remaining_s(search, now),
    )


def _counts(search: SearchRecord, store: Store, tally: Tally) -> dict[str, int]:
    """The first steps of the funnel, within the search itself."""
    measures = 1 + len(search.spec.yardsticks)
    completed = tally.counts[Purpose.SEARCH, TrialState.COMPLETED]
    if tally.is_behind:  # pages that were seen soon after a start have not heard of all
        completed = store.charts.completed(search.id, Purpose.SEARCH)
    return {
        "proposed": max(0, store.individuals.count(search.id) - measures),
        "trained": search.trials_done,
        "completed": completed,
    }


def _elapsed_s(search: SearchRecord, now: datetime) -> float | None:
    if search.started_at is None:
        return None
    return ((search.ended_at or now) - search.started_at).total_seconds()


def _remaining_s(search: SearchRecord, now: datetime) -> float | None:
    """What is left of its budget, else at the speed so far."""
    if search.time_left_s is not None:
        return search.time_left_s
    elapsed_s = _elapsed_s(search, now)
    if search.state.is_terminal or elapsed_s is None or not 0 < search.trials_done < search.trials_total:
        return None
    return elapsed_s / search.trials_done * (search.trials_total - search.trials_done)


@router.get("/searches/{search_id}/trials")
def trials_page(
    request: Request,
    search: SearchDep,
    store: StoreDep,
    part: SliceDep,
    state: Annotated[str, Query(max_length=16)] = "",
    text: Annotated[str, Query(max_length=MAX_CHOSEN_TEXT)] = "",
    component: Annotated[str, Query(max_length=MAX_CHOSEN_TEXT)] = "",
    sort: Annotated[TrialOrder, Query()] = TrialOrder.NEWEST,
) -> Response:
    """Newest first; an empty ``state`` is all. Raises ``InvalidInput`` for one that does not exist."""
    if state and state not in set(TrialState):
        raise InvalidInput(f"no trial state is called {state!r}", hint=f"known: {', '.join(TrialState)}")
    chosen = TrialState(state) if state else None
    choice = TrialChoice(state=chosen, text=text or None, component=component or None, order=sort)
    page = store.trials.page(search.id, choice=choice, cursor=part.cursor, limit=part.limit)
    asked = {"text": text, "component": component, "sort": sort.value}
    return render(
        request,
        "trials.html",
        search=search,
        page=page,
        spared=store.intermediates.spared([each.id for each in page.items]),
        state=state,
        states=list(TrialState),
        orders=list(TrialOrder),
        asked=asked,
        kept=urlencode({name: value for name, value in asked.items() if value}),
    )


@router.post("/searches/{search_id}/{verb}")
def act(
    request: Request,
    search_id: SearchId,
    verb: str,
    service: ServiceDep,
    store: StoreDep,
    tallies: TalliesDep,
    form: Annotated[Form, Depends(read_form)],
) -> Response:
    """One of the buttons. What was typed wrong comes back on the page of the search."""
    try:
        changed = service.apply_verb(verb, search_id, verb_arguments(find_verb(verb), form))
    except InvalidSettings as error:
        search = store.searches.get(search_id)
        return _search_page(request, search, store, service, tallies, Refusal(verb, form, error))
    except InvalidEquation as error:
        search = store.searches.get(search_id)
        wrong = InvalidSettings(error.message, field="equations", hint=error.hint)
        return _search_page(request, search, store, service, tallies, Refusal(verb, form, wrong))
    return RedirectResponse(f"/searches/{changed.id}", status_code=303)
