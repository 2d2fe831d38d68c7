"""Rows and doubles for the tests of this room: a clock that tests move, a broker that only remembers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from backprop_evo.errors import Unavailable
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Origin, SearchRecord, TrialRecord
from backprop_evo.records.training import TrainResult
from backprop_evo.store.sql import SqlStore
from workers.attempt import Train

CONTROLLER = "controller-1"
GOOD = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.4)


@dataclass
class Clock:
    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class FakeBroker:
    """Keeps what was sent; ``away`` makes it refuse."""

    sent: list[str] = field(default_factory=list)
    away: bool = False

    def send(self, trial_ids: Sequence[str]) -> None:
        if self.away:
            raise Unavailable("Redis is away")
        self.sent.extend(trial_ids)

    def waiting(self) -> int:
        if self.away:
            raise Unavailable("Redis is away")
        return len(self.sent)


def add_trials(
    store: SqlStore,
    search: SearchRecord,
    count: int,
    now: datetime,
    *,
    purpose: Purpose = Purpose.SEARCH,
) -> list[str]:
    """Queue trials of plain backprop; their ids."""
    individuals = [
        IndividualRecord(
            search_id=search.id,
            number=number,
            origin=Origin.RANDOM,
            method=equation_method("g"),
            canonical="g",
            fingerprint=f"f{number}",
            parent=None,
            twin=None,
            mutation=None,
            finishes_known=0,
            created_at=now,
        )
        for number in range(count)
    ]
    trials = [
        TrialRecord(
            id=f"{search.id}.{number}",
            search_id=search.id,
            individual=number,
            method=equation_method("g"),
            fingerprint=f"f{number}",
            purpose=purpose,
            spec=search.spec.train,
            seed=number,
            state=TrialState.QUEUED,
            fence=0,
            created_at=now,
            queued_at=now,
        )
        for number in range(count)
    ]
    store.individuals.record(search.id, CONTROLLER, individuals, trials, now=now)
    return [trial.id for trial in trials]


def labelled(store: SqlStore, clock: Clock, labels: tuple[str, ...], **rest: Any) -> SearchRecord:
    """A search that only nodes with these labels run, claimed by ``CONTROLLER``."""
    store.searches.add(SearchSpec(name="asks", labels=labels, **rest), now=clock())
    claimed = store.searches.claim(CONTROLLER, lease_s=600, now=clock())
    assert claimed is not None
    return claimed


def give(result: TrainResult) -> Train:
    """A training that ends with ``result``."""
    return lambda *_: result


def fail(error: BaseException) -> Train:
    """A training that raises ``error``."""

    def train(*_: Any) -> TrainResult:
        raise error

    return train
