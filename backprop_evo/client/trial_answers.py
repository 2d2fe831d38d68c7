"""What the service says of trials, as immutable values; ``answers`` has the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from backprop_evo.client.answers import Method
from backprop_evo.records.logged import LogLine
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult, TrainSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial as it stands in lists: no curve. The numbers of its result are None until it has one;
    ``spared`` says why a judgement would have ended it, where a lot let it go on."""

    id: str
    search_id: str
    individual: int
    method: Method
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

    @property
    def has_ended(self) -> bool:
        """In a terminal state."""
        return self.state.is_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a trial by one worker; ``outcome`` is None while it runs."""

    fence: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """An end of a trial that was not left at that: what was heard of it at ``finish_order``."""

    finish_order: int
    state: TrialState
    reason: str | None
    ended_at: datetime
    retried_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDetail(Trial):
    """A trial with its train spec, its result (curve, probes, alignment, environment), its attempts, and
    those of its ends after which it was tried again."""

    spec: TrainSpec
    result: TrainResult | None
    attempts: tuple[Attempt, ...]
    retries: tuple[Retry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLog:
    """The log of a trial so far, oldest first; nothing comes after it once the trial ``has_ended``."""

    has_ended: bool
    items: tuple[LogLine, ...]
