"""What searches, and equations, are compared by."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Role
from backprop_evo.records.training import TrainSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRecord:
    """The end of one training of a search. ``validation_accuracy`` is the last that was measured, in [0, 1],
    also where the training was ended early; None where none was. ``wall_time_s`` are seconds of a worker."""

    individual: int
    purpose: Purpose
    state: TrialState
    validation_accuracy: float | None
    wall_time_s: float


SEARCHING = (Purpose.SEARCH, Purpose.REMEASUREMENT, Purpose.BASELINE, Purpose.YARDSTICK)
"""Purposes of a search's own trainings: by these it selects, and what was selected by an accuracy has a
lucky one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """An ended training of one behaviour, without its curve. ``train`` is the setting it counts in: of a
    search's own that of the search, since a rate that was inherited makes no setting of its own.
    ``role`` is that of the evaluation it belongs to. Accuracies are in [0, 1]."""

    trial_id: str
    fingerprint: str
    method: MethodSpec
    purpose: Purpose
    train: TrainSpec
    role: Role | None
    measured_on: str
    seed: int
    state: TrialState
    validation_accuracy: float | None
    test_accuracy: float | None

    @property
    def is_selecting(self) -> bool:
        """Whether a search, or the first stage of its funnel, chose by it."""
        return self.purpose in SEARCHING or self.role is Role.FINALISTS
