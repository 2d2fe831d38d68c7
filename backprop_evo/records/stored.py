"""What is stored of a search, as immutable values: the only form in which rows leave the store.

Times are timezone-aware UTC. Ids are opaque strings. A *finish order* numbers the terminal trials of one
search 1, 2, 3, … in the order in which they were recorded; a search replays from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.steering import NO_MARKS, Marks
from backprop_evo.records.training import IntermediateValue, TrainResult, TrainSpec

T = TypeVar("T")


class Origin(StrEnum):
    """Where an individual came from."""

    START = "start"
    RANDOM = "random"
    INJECTED = "injected"
    MUTATION = "mutation"
    REMEASUREMENT = "remeasurement"
    BASELINE = "baseline"
    YARDSTICK = "yardstick"
    EVALUATED = "evaluated"


class Role(StrEnum):
    """What an evaluation is to the search that it belongs to: a stage of its funnel, or a transfer that
    somebody asked for."""

    FINALISTS = "finalists"
    CONFIRMATION = "confirmation"
    TRANSFER = "transfer"


def stage_id(search_id: str, role: Role) -> str:
    """The id of the evaluation that is this stage of the search's funnel. Derived, not drawn: ordering it
    twice cannot store it twice."""
    return f"{search_id}-{role}"


NO_NODE_CAN = "no node"
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenRecord(Generic[S]):
    """What a controller drives: a search or an evaluation. ``version`` grows with every change (the ETag).
    ``trials_done`` counts terminal trials, of a search those that its budget counts.

    ``trials_total`` is the present budget: ``spec.trials`` and what the ``extensions`` added. ``end_reason``
    says in words why it ended, where there is more to say than that it did all it was asked for, or why the
    service paused it. One that the service paused is ``stranded`` until it goes on or somebody else pauses
    it: because no node can train it (``NO_NODE_CAN``), or none could begin the trial of that id. ``retries``
    counts ends of trials that were tried again. ``owner`` is the name of the API key that submitted it, None
    where none was demanded.
    """

    id: str
    spec: S
    state: SearchState
    version: int
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: str | None = None
    end_reason: str | None = None
    trials_done: int = 0
    trials_total: int = 0
    extensions: int = 0
    retries: int = 0
    marks: Marks = NO_MARKS
    stranded: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord(DrivenRecord[SearchSpec]):
    """A search. ``screened_out`` counts equations that were found worthless before any training step, by
    their facts or by their first backward pass; they are none of ``trials_done``. ``counterpart`` is the id
    of the search that was ordered beside it, or beside which it was. ``injections`` counts equations put in.

    Of one with a budget: ``spent_s`` seconds are used, in which so many seconds of slots (``slot_s``) were
    there; ``metered_at`` is when that was counted, None where it does not run."""

    best_fitness: float | None = None
    screened_out: int = 0
    counterpart: str | None = None
    spent_s: float = 0.0
    slot_s: float = 0.0
    metered_at: datetime | None = None
    injections: int = 0

    @property
    def present_spec(self) -> SearchSpec:
        """What asks for as many trials as it has now; where its time decides, for what it asked."""
        spec = replace(self.spec, priority=self.marks.priority)
        return spec if self.keeps_time else replace(spec, trials=self.trials_total)

    @property
    def keeps_time(self) -> bool:
        """Whether its time decides when it ends. Adding trials is asking for trials: from then on they do."""
        return self.spec.budget is not None and self.extensions == 0

    @property
    def time_left_s(self) -> float | None:
        """Of its budget; None where that does not decide, or it has ended."""
        if self.spec.budget is None or not self.keeps_time or self.state.is_terminal:
            return None
        return max(0.0, self.spec.budget - self.spent_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord(DrivenRecord[EvaluationSpec]):
    """An evaluation; one with a ``search_id`` belongs to that search, in a ``role``."""

    search_id: str | None = None
    role: Role | None = None

    @property
    def seeds(self) -> int:
        """How many there are now, with those that were added."""
        return self.trials_total // self.spec.trainings_a_seed

    @property
    def is_stage(self) -> bool:
        """Whether its search ordered it, so that it is none that somebody asked for."""
        if self.search_id is None or self.role is None:
            return False
        return self.id == stage_id(self.search_id, self.role)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndividualRecord:
    """One proposal of a search, or one method of an evaluation. ``finishes_known`` is the finish order up to
    which its proposer had heard.

    ``twin`` is the number of the earlier individual with the same fingerprint, whose fitness this one
    inherits instead of being trained. ``mutation`` says in words what was changed in the parent.
    ``screened_out`` says in words why it is not trained at all. ``inherited_step`` is the best relative step
    of the parent, around which its own rate is looked for. ``remeasures`` is the number of the earlier
    individual that is trained again, with another seed.
    """

    search_id: str
    number: int
    origin: Origin
    method: MethodSpec
    canonical: str | None
    fingerprint: str
    parent: int | None
    twin: int | None
    mutation: str | None
    finishes_known: int
    created_at: datetime
    screened_out: str | None = None
    inherited_step: float | None = None
    remeasures: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One training of one child: equation × train spec × seed. ``fence`` grows with every attempt.
    ``not_before`` is set after a loss: the next attempt begins then at the earliest."""

    id: str
    search_id: str
    individual: int
    method: MethodSpec
    fingerprint: str
    purpose: Purpose
    spec: TrainSpec
    seed: int
    state: TrialState
    fence: int
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    worker: str | None = None
    lease_expires_at: datetime | None = None
    not_before: datetime | None = None
    finish_order: int | None = None
    progress: Mapping[str, float] | None = None
    result: TrainResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishRecord:
    """A terminal trial as the brain hears of it: no curve, no times.

    ``validation_accuracy`` is in [0, 1], None unless the trial completed. ``pruned_at`` is the value at which
    a pruner ended it; unless it has one of the two, the ``relative_step`` of its rate is None.
    """

    trial_id: str
    individual: int
    purpose: Purpose
    state: TrialState
    finish_order: int
    validation_accuracy: float | None
    relative_step: float | None = None
    pruned_at: IntermediateValue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTime:
    """How long one ended trial occupied its slot, in ``seconds``, and how far it came."""

    fingerprint: str
    purpose: Purpose
    state: TrialState
    spec: TrainSpec
    epochs_done: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """A terminal trial as a table of an evaluation reads it: no curve, no times. Accuracies are in [0, 1]."""

    individual: int
    spec: TrainSpec
    seed: int
    state: TrialState
    validation_accuracy: float | None
    test_accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One try at a trial by one worker; ``outcome`` is None while it runs."""

    trial_id: str
    fence: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to report on a trial: only the newest fence of a trial may write."""

    trial_id: str
    fence: int
    worker: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Mean, sample standard deviation (None for n = 1) and number of accuracies in [0, 1]."""

    mean: float
    std: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One thing that happened; ``id`` grows, so a reader resumes after the last id it saw."""

    id: int
    search_id: str | None
    kind: str
    at: datetime
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing; ``next_cursor`` is opaque, None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None
