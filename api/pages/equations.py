"""Pages about equations: checking one, and one behaviour with all that was trained of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.deps import Fingerprint, SliceDep, StoreDep
from api.pages.chart_tables import trained_seeds
from api.rendering import method_text, render
from api.schemas.equations import KnownEquationOut
from backprop_evo.equations import report_on
from backprop_evo.errors import InvalidEquation, NotFound
from backprop_evo.records.stored import Accuracies, TrialRecord
from backprop_evo.training.methods import method_of
from dsl.known import KNOWN

router = APIRouter()
#: Ten times what the language reads, so that a text somewhat too long is answered with its column.
MAX_TEXT = 10_000


@router.get("/equations")
def equations_page(request: Request, text: Annotated[str, Query(max_length=MAX_TEXT)] = "") -> Response:
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
        error=error,
        pointer=_pointer(text, error),
        known=[KnownEquationOut.of(each) for each in KNOWN.values()],
    )


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
    return render(
        request,
        "equation.html",
        fingerprint=fingerprint,
        method=method_of(method),
        report=None if method.equation is None else report_on(method.equation),
        spellings=sorted({method_text(trial.method) for trial in page.items}),
        page=page,
        validation=_accuracies(page.items),
        seeds=trained_seeds(store, fingerprint),
        # One point is no line.
        has_curves=any(trial.result is not None and len(trial.result.curve) > 1 for trial in page.items),
    )


def _accuracies(trials: tuple[TrialRecord, ...]) -> Accuracies | None:
    """Over the completed trials shown."""
    found = [
        trial.result.validation_accuracy
        for trial in trials
        if trial.result is not None and trial.result.validation_accuracy is not None
    ]
    if not found:
        return None
    mean = sum(found) / len(found)
    variance = sum((each - mean) ** 2 for each in found) / (len(found) - 1) if len(found) > 1 else None
    return Accuracies(mean=mean, std=None if variance is None else variance**0.5, n=len(found))
