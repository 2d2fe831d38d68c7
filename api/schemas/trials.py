"""Trials, with their attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.schemas.methods import MethodOut, method_fields
from api.schemas.steering import RetryOut
from api.schemas.wire import Wire
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.steering import RetryRecord
from backprop_evo.records.stored import AttemptRecord, TrialRecord
from backprop_evo.records.training import TrainResult, TrainSpec


class TrialOut(Wire):
    """A trial as it stands in lists: no curve. ``spared`` says why a judgement would have ended it, where a
    lot let it go on."""

    id: str
    search_id: str
    individual: int
    method: MethodOut
    equation: str | None
    fingerprint: str
    purpose: Purpose
    seed: int
    state: TrialState
    fence: int
    worker: str | None
    created_at: datetime
    queued_at: datetime
    not_before: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    finish_order: int | None
    progress: Mapping[str, float] | None
    validation_accuracy: float | None
    test_accuracy: float | None
    learning_rate: float | None
    wall_time_s: float | None
    reason: str | None
    spared: str | None

    @classmethod
    def of(cls, trial: TrialRecord, spared: Mapping[str, str]) -> TrialOut:
        """A trial as stored; the numbers of its result are null until it has one. ``spared`` by trials."""
        return cls(**_trial_fields(trial, spared))


def _trial_fields(trial: TrialRecord, spared: Mapping[str, str]) -> dict[str, Any]:
    of_result = ("validation_accuracy", "test_accuracy", "learning_rate", "wall_time_s", "reason")
    plain = [
        name for name in TrialOut.model_fields if name not in (*of_result, "method", "equation", "spared")
    ]
    return {
        **{name: getattr(trial, name) for name in plain},
        **{name: getattr(trial.result, name, None) for name in of_result},
        **method_fields(trial.method),
        "spared": spared.get(trial.id),
    }


class AttemptOut(Wire):
    """One try at a trial by one worker; ``outcome`` is null while it runs."""

    fence: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


class TrialDetailOut(TrialOut):
    """A trial with its train spec, its result (curve, probes, alignment, environment), its attempts, and
    those of its ends that were tried again."""

    spec: TrainSpec
    result: TrainResult | None
    attempts: list[AttemptOut]
    retries: list[RetryOut]

    @classmethod
    def of_all(
        cls,
        trial: TrialRecord,
        attempts: Sequence[AttemptRecord],
        retries: Sequence[RetryRecord],
        spared: Mapping[str, str],
    ) -> TrialDetailOut:
        """A trial with everything that is stored of it."""
        tries = [AttemptOut.model_validate(each) for each in attempts]
        ends = [RetryOut.model_validate(each) for each in retries]
        told: dict[str, Any] = {"attempts": tries, "retries": ends}
        return cls(spec=trial.spec, result=trial.result, **told, **_trial_fields(trial, spared))


class LogLineOut(Wire):
    """One thing that happened, in the attempt of that number (null: before any)."""

    at: datetime
    attempt: int | None
    text: str


class TrialLogOut(Wire):
    """The log of a trial so far, oldest first."""

    has_ended: bool
    items: list[LogLineOut]
