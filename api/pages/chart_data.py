"""The numbers of the charts, as columns in JSON, for the scripts of the pages.

Each is asked for anew while something happens. What cannot have changed is answered by 304, or kept by the
browser: a full page of finishes is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from api.deps import Fingerprint, SearchDep, StoreDep, TalliesDep, TrialId
from api.pages.chart_answers import IfNoneMatch, answer
from api.pages.chart_tables import EQUATIONS_A_REQUEST, importances, level, slot_attempts, trained_seeds
from api.rendering import method_text
from backprop_evo.errors import NotFound, UnknownDataset
from backprop_evo.evaluation.comparison import called
from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Accuracies, TrialRecord
from backprop_evo.service.chart_columns import (
    angle_lines,
    attempt_columns,
    curve_columns,
    hundredths,
    proposal_columns,
    running_lines,
    seed_columns,
)
from backprop_evo.service.finish_columns import every_for, fitness_columns
from backprop_evo.service.specs import chance_of, steps_an_epoch

router = APIRouter()
#: Finishes in one answer; a longer search is asked for in several.
A_PAGE = 20_000
MOST_RUNNING = 12
#: Newest trials of an equation whose curves are drawn.
MOST_CURVES = 12
MOST = 2**62

After = Annotated[int, Query(ge=0, le=MOST, description="only finishes with a greater order")]
Limit = Annotated[int, Query(ge=1, le=A_PAGE, description="finishes that are looked at")]
Every = Annotated[
    int | None, Query(ge=1, le=MOST, description="of so many one is drawn; left away: what suits the search")
]
Best = Annotated[
    float | None, Query(ge=0, le=1, description="the best accuracy up to then, which a record must pass")
]


@router.get("/searches/{search_id}/charts/fitness")
def fitness(
    search: SearchDep,
    store: StoreDep,
    after: After = 0,
    limit: Limit = A_PAGE,
    every: Every = None,
    best: Best = None,
    known: IfNoneMatch = None,
) -> Response:
    """A page of finishes in the order in which they ended; of a long search one of ``every`` is in it."""
    points = store.charts.finishes(search.id, after=after, limit=limit)
    asked = every or every_for(store.charts.last_finish(search.id))
    columns = fitness_columns(points, after, limit, every=asked, best=best)
    # Without ``every`` the answer depends on how long the search is by now.
    return answer(columns, known, is_final=every is not None and columns["more"])


@router.get("/searches/{search_id}/charts/frame")
def frame(search: SearchDep, store: StoreDep, known: IfNoneMatch = None) -> Response:
    """What the points are seen against: chance, backprop's band, the best confirmed, the counterpart."""
    against = level(store, search)
    chance = chance_of(search.spec.train)
    other = None if search.counterpart is None else store.searches.get(search.counterpart)
    return answer(
        {
            "chance": hundredths(chance),
            "backprop": _band(against.backprop),
            "confirmed": against.confirmed,
            "best": _band(against.best),
            "total": search.trials_total,
            "live": not search.state.is_terminal,
            "counterpart": None if other is None else {"id": other.id, "called": called(search, other)[1]},
        },
        known,
    )


def _band(accuracies: Accuracies | None) -> dict[str, Any] | None:
    if accuracies is None:
        return None
    return {
        "mean": hundredths(accuracies.mean),
        "std": hundredths(accuracies.std),
        "n": accuracies.n,
    }


@router.get("/searches/{search_id}/charts/finishes/{finish_order}")
def finish(search: SearchDep, store: StoreDep, finish_order: Annotated[int, Path(ge=1, le=MOST)]) -> Response:
    """What is told of one point."""
    trial = store.charts.finish(search.id, finish_order)
    told = {
        "trial": trial.id,
        "individual": trial.individual,
        "equation": method_text(trial.method),
        "seed": trial.seed,
        "purpose": trial.purpose,
        "state": trial.state,
        "reason": trial.result.reason if trial.result is not None else None,
    }
    return answer(told, None, is_final=True)


@router.get("/searches/{search_id}/charts/proposals")
def proposals(
    search: SearchDep,
    store: StoreDep,
    after: Annotated[int, Query(ge=-1, le=MOST)] = -1,
    known: IfNoneMatch = None,
) -> Response:
    """A page of proposals in their order, with the fitness that each has as of now."""
    points = store.charts.proposals(search.id, after=after, limit=A_PAGE)
    return answer(proposal_columns(points, after, A_PAGE), known)


@router.get("/searches/{search_id}/charts/proposals/{number}")
def proposal(search: SearchDep, store: StoreDep, number: Annotated[int, Path(ge=0, le=MOST)]) -> Response:
    """What is told of one proposal. Raises ``NotFound``."""
    found = store.individuals.of(search.id, after=number - 1, limit=1)
    if not found or found[0].number != number:
        raise NotFound(f"search {search.id!r} has no individual {number}")
    (one,) = found
    told = {"equation": method_text(one.method), "change": one.mutation, "screened_out": one.screened_out}
    return answer(told, None, is_final=True)


@router.get("/searches/{search_id}/charts/components")
def components(
    search: SearchDep, store: StoreDep, tallies: TalliesDep, known: IfNoneMatch = None
) -> Response:
    """Importance by component. A long search is added up in several requests: ``waiting`` is what is left."""
    tally = tallies.of(search.id, equations=EQUATIONS_A_REQUEST)
    found = importances(tally, level(store, search))
    return answer(
        {
            "equations": tally.components.equations,
            "waiting": len(tally.waiting) + (1 if tally.is_behind else 0),
            "kind": [each.kind for each in found],
            "name": [each.name for each in found],
            "n": [each.n for each in found],
            "mean": [hundredths(each.mean) for each in found],
            "low": [hundredths(each.low) for each in found],
            "high": [hundredths(each.high) for each in found],
        },
        known,
    )


def asked_since(
    since: Annotated[int, Query(ge=0, le=10**14, description="milliseconds since 1970")] = 0,
) -> datetime | None:
    """None for everything."""
    return datetime.fromtimestamp(since / 1000, UTC) if since else None


SinceDep = Annotated[datetime | None, Depends(asked_since)]


@router.get("/searches/{search_id}/charts/slots")
def slots(search: SearchDep, store: StoreDep, since: SinceDep, known: IfNoneMatch = None) -> Response:
    """Attempts that run or ended since then, by worker."""
    return answer(attempt_columns(slot_attempts(store, search.id, since=since)), known)


@router.get("/nodes/charts/slots")
def slots_of_all(store: StoreDep, since: SinceDep, known: IfNoneMatch = None) -> Response:
    """The same over all searches and evaluations."""
    return answer(attempt_columns(slot_attempts(store, since=since)), known)


@router.get("/searches/{search_id}/charts/running")
def running(search: SearchDep, store: StoreDep, known: IfNoneMatch = None) -> Response:
    """The trials that train now, as far as they have come."""
    trials = store.trials.page(
        search.id, choice=TrialChoice(state=TrialState.RUNNING), limit=MOST_RUNNING
    ).items
    values = store.charts.values([each.id for each in trials])
    lines = running_lines(trials, values, _steps_an_epoch)
    return answer({"lines": lines, "live": not search.state.is_terminal}, known)


def _steps_an_epoch(trial: TrialRecord) -> int:
    try:
        return steps_an_epoch(trial.spec)
    except UnknownDataset:
        return 1


@router.get("/trials/{trial_id}/charts")
def trial_charts(trial_id: TrialId, store: StoreDep, known: IfNoneMatch = None) -> Response:
    """Curve and angles of a trial; of one that runs what it has reported."""
    trial = store.trials.get(trial_id)
    curve: Mapping[str, Any] = curve_columns(trial)
    if trial.result is None:
        (line,) = running_lines([trial], store.charts.values([trial.id]), _steps_an_epoch)
        columns = zip(*line["points"], strict=True) if line["points"] else ((), (), ())
        curve = dict(zip(("epoch", "loss", "accuracy"), map(list, columns), strict=True))
    alignment = trial.result.alignment if trial.result is not None else ()
    return answer(
        {
            **curve,
            "live": not trial.state.is_terminal,
            "epochs": trial.spec.epochs,
            "chance": hundredths(chance_of(trial.spec)),
            "update": angle_lines(alignment, lambda point: point.update_angle),
            "feedback": angle_lines(alignment, lambda point: point.feedback_angle),
        },
        known,
    )


@router.get("/equations/{fingerprint}/charts")
def equation_charts(fingerprint: Fingerprint, store: StoreDep, known: IfNoneMatch = None) -> Response:
    """Its seeds beside backprop's in every setting, and the curves of its newest trials; ``ordinal`` is the
    place of a trial's seed among those of its setting, by which people call it."""
    newest = store.trials.of_behaviour(fingerprint, limit=MOST_CURVES).items
    settings = trained_seeds(store, fingerprint)
    ordinals = {pair.trial_id: at for each in settings for at, pair in enumerate(each.pairs, start=1)}
    return answer(
        {
            "settings": [seed_columns(each) for each in settings],
            "curves": [
                {
                    "trial": trial.id,
                    "seed": trial.seed,
                    "ordinal": ordinals.get(trial.id),
                    **curve_columns(trial),
                }
                for trial in newest
                if trial.result is not None
            ],
        },
        known,
    )
