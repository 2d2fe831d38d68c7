"""What two searches are compared by."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRecord:
    """The end of one training of a search. ``validation_accuracy`` is the last that was measured, in [0, 1],
    also where the training was ended early; None where none was. ``wall_time_s`` are seconds of a worker."""

    individual: int
    purpose: Purpose
    state: TrialState
    validation_accuracy: float | None
    wall_time_s: float
