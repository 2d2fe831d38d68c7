"""A service over a fresh SQLite file, with a clock that stands still and a worker that trains in no time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    TrainResult,
)
from backprop_evo.service import Service
from backprop_evo.store.sql import SqlStore
from tests.stores import opened


@dataclass
class Clock:
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    yield from opened(sqlite_url)


@pytest.fixture
def service(store: SqlStore, clock: Clock) -> Service:
    return Service(store, clock=clock)


def small(**options: Any) -> SearchSpec:
    confirmation = Confirmation(best=1, seeds=2)
    return SearchSpec(
        **{"name": "small", "trials": 4, "start_random": 2, "confirmation": confirmation, **options}
    )


@pytest.fixture(scope="session")
def small_spec():
    return small


def train_oldest(store: Any, search_id: str, now: datetime) -> bool:
    """The worker: trains the trial that is open longest; False when there is none. Fitness follows from
    the text."""
    for trial in store.trials.open(search_id):
        lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=now)
        if lease is None:
            continue
        accuracy = (sum(map(ord, trial.method.equation or trial.method.name)) % 97) / 100
        result = TrainResult(
            outcome=TrialState.COMPLETED, validation_accuracy=accuracy, test_accuracy=accuracy
        )
        assert store.trials.start(lease, now=now)
        assert store.trials.finish(lease, result, now=now)
        return True
    return False


@pytest.fixture(scope="session")
def train():
    return train_oldest
