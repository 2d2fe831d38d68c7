"""Equations: check one, look up what was trained of a behaviour, star it, list the known ones."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from api.deps import Fingerprint, ServiceDep, SliceDep, StoreDep
from api.schemas.equations import (
    EquationChangesIn,
    EquationHistoryOut,
    EquationIn,
    EquationMarksOut,
    EquationOut,
    KnownEquationOut,
    KnownEquationsOut,
)
from api.schemas.trials import TrialOut
from backprop_evo.equations import report_on
from dsl.known import KNOWN

router = APIRouter(tags=["equations"])


@router.post("/equations:check")
def check_equation(asked: EquationIn) -> EquationOut:
    """Parsed form, LaTeX, MathML, canonical form, fingerprint and facts, or the error with its column."""
    return EquationOut.model_validate(report_on(asked.equation))


@router.get("/equations/known")
def list_known_equations() -> KnownEquationsOut:
    """Plain backprop, the feedback alignment family and the paper's Table 1."""
    return KnownEquationsOut(items=[KnownEquationOut.of(each) for each in KNOWN.values()])


@router.get("/equations/{fingerprint}")
def read_equation_history(fingerprint: Fingerprint, store: StoreDep, part: SliceDep) -> EquationHistoryOut:
    """Every trial of one behaviour, newest first; empty for one that was never trained."""
    page = store.trials.of_behaviour(fingerprint, cursor=part.cursor, limit=part.limit)
    spared = store.intermediates.spared([each.id for each in page.items])
    return EquationHistoryOut(
        fingerprint=fingerprint,
        **asdict(store.equations.marks(fingerprint)),
        items=[TrialOut.of(each, spared) for each in page.items],
        next_cursor=page.next_cursor,
    )


@router.patch("/equations/{fingerprint}")
def change_equation(
    fingerprint: Fingerprint, body: EquationChangesIn, service: ServiceDep
) -> EquationMarksOut:
    """Star a behaviour, or note something of it: seen by everybody, in whatever search it was trained. What
    is not named stays."""
    marks = service.mark_equation(fingerprint, body.as_changes())
    return EquationMarksOut(fingerprint=fingerprint, **asdict(marks))
