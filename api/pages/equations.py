"""Pages about equations: checking one, and one behaviour with all that was trained of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.deps import Fingerprint, SliceDep, StoreDep
from api.pages.chart_tables import trained_seeds
from api.pages.copied_texts import copied_texts
from api.rendering import method_text, render
from api.schemas.equations import KnownEquationOut
from backprop_evo.equations import EquationReport, report_on
from backprop_evo.errors import InvalidEquation, NotFound
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Accuracies, TrialRecord
from backprop_evo.records.training import TrainSpec
from backprop_evo.store.base import Store
from backprop_evo.training.methods import method_of
from dsl.known import KNOWN

router = APIRouter()
#: Ten times what the language reads, so that a text somewhat too long is answered with its column.
MAX_TEXT = 10_000


@router.get("/equations")
def equations_page(
    request: Request, store: StoreDep, text: Annotated[str, Query(max_length=MAX_TEXT)] = ""
) -> Response:
    """Check an equation; the known ones stand below."""
    report, error = None, None
    if text.strip():
        try:
            report = report_on(text)
        except InvalidEquation as found:
            error = found
    return render(
        request,
        "equations.html",
        status_code=200 if error is None else error.status,
        text=text,
        report=report,
        trained=_is_trained(store, report),
        error=error,
        pointer=_pointer(text, error),
        known=[KnownEquationOut.of(each) for each in KNOWN.values()],
    )


def _is_trained(store: Store, report: EquationReport | None) -> bool:
    if report is None or report.fingerprint is None:
        return False
    return bool(store.trials.of_behaviour(report.fingerprint, limit=1).items)


def _pointer(text: str, error: InvalidEquation | None, around: int = 36) -> tuple[str, str, str] | None:
    """What stands before the wrong column, in it, and behind it; long texts are cut."""
    if error is None or error.column is None:
        return None
    at = min(max(error.column - 1, 0), len(text))
    return text[max(0, at - around) : at], text[at : at + 1] or " ", text[at + 1 : at + 1 + around]


@router.get("/equations/{fingerprint}")
def equation_page(request: Request, fingerprint: Fingerprint, store: StoreDep, part: SliceDep) -> Response:
    """One behaviour: its mathematics, and all trials of it over all searches. Raises ``NotFound``."""
    page = store.trials.of_behaviour(fingerprint, cursor=part.cursor, limit=part.limit)
    if not page.items:
        raise NotFound(
            f"nothing was trained of the behaviour {fingerprint[:64]!r}",
            hint="check the equation at /equations",
        )
    method = page.items[0].method
    report = None if method.equation is None else report_on(method.equation)
    return render(
        request,
        "equation.html",
        fingerprint=fingerprint,
        method=method_of(method),
        report=report,
        marks=store.equations.marks(fingerprint),
        copied=() if report is None else copied_texts(report, fingerprint, str(request.base_url)),
        spellings=sorted({method_text(trial.method) for trial in page.items}),
        page=page,
        spared=store.intermediates.spared([each.id for each in page.items]),
        results=_results(page.items),
        seeds=trained_seeds(store, fingerprint),
        # One point is no line.
        has_curves=any(trial.result is not None and len(trial.result.curve) > 1 for trial in page.items),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Of the trials of one setting that a search chose by, or of those that only compare: never of both."""

    train: TrainSpec
    chosen: bool
    validation: Accuracies | None
    test: Accuracies | None
    not_completed: int


def _results(trials: Sequence[TrialRecord]) -> list[Results]:
    """One row for each setting and use, those that compare first."""
    found: dict[tuple[bool, str], list[TrialRecord]] = {}
    for trial in trials:
        if trial.state.is_terminal:
            key = (trial.purpose is not Purpose.EVALUATION, setting_id(trial.spec))
            found.setdefault(key, []).append(trial)
    return [
        Results(
            train=group[0].spec,
            chosen=chosen,
            validation=_accuracies([each.result.validation_accuracy for each in _completed(group)]),
            test=_accuracies([each.result.test_accuracy for each in _completed(group)]),
            not_completed=sum(each.state is not TrialState.COMPLETED for each in group),
        )
        for (chosen, _), group in sorted(found.items(), key=lambda item: item[0][0])
    ]


def _completed(trials: Sequence[TrialRecord]) -> list[Any]:
    return [each for each in trials if each.state is TrialState.COMPLETED and each.result is not None]


def _accuracies(values: Sequence[float | None]) -> Accuracies | None:
    found = [each for each in values if each is not None]
    if not found:
        return None
    return Accuracies(mean=mean(found), std=stdev(found) if len(found) > 1 else None, n=len(found))
