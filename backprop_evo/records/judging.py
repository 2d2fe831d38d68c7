"""What running trainings reported on their way, and what was decided of it: rows, judged in one order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backprop_evo.records.searching import Purpose
from backprop_evo.records.training import IntermediateValue


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision on one value: ``pruned`` says in words why the training ends there, ``spared`` why it
    would have ended, had its lot not let it go on. Both None: it is good enough."""

    pruned: str | None = None
    spared: str | None = None


GOES_ON = Judged()


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediateRecord:
    """An intermediate value as it was stored. ``report_order`` numbers those of one search 1, 2, 3, … as they
    came in: a value was judged by those before it."""

    trial_id: str
    individual: int
    purpose: Purpose
    report_order: int
    value: IntermediateValue
    judged: Judged
    at: datetime
