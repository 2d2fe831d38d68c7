"""A store of each kind, and short words for what searches, controllers and workers do to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Lease, Origin, SearchRecord, TrialRecord
from backprop_evo.records.training import (
    CurvePoint,
    TrainResult,
    TrainSpec,
)
from backprop_evo.store.base import Store
from backprop_evo.store.sql import SqlStore
from tests.stores import opened

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Scene:
    """A store, a clock, and the usual acts on them."""

    store: Store
    now: datetime = NOW
    _numbers: dict[str, int] = field(default_factory=dict)

    def later(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def search(self, name: str = "a search", **options: object) -> SearchRecord:
        """A search that controller ``c`` drives."""
        queued = self.store.searches.add(SearchSpec(name=name, **options), now=self.now)
        while (claimed := self.store.searches.claim("c", lease_s=60, now=self.now)) is not None:
            if claimed.id == queued.id:
                return claimed
        raise AssertionError("nobody could claim the search")

    def trial(
        self,
        search: SearchRecord,
        *,
        equation: str = "g",
        method: MethodSpec | None = None,
        purpose: Purpose = Purpose.SEARCH,
        of: int | None = None,
        suffix: str = "",
        spec: TrainSpec | None = None,
    ) -> str:
        """A new individual with its trial, or one more trial of individual ``of``; the trial's id."""
        number = self._numbers.setdefault(search.id, 0) if of is None else of
        individuals = []
        if of is None:
            self._numbers[search.id] += 1
            individuals.append(
                IndividualRecord(
                    search_id=search.id,
                    number=number,
                    origin=Origin.BASELINE if purpose is Purpose.BASELINE else Origin.RANDOM,
                    method=method or equation_method(equation),
                    canonical=equation,
                    fingerprint=f"behaviour {number}",
                    parent=None,
                    twin=None,
                    mutation=None,
                    finishes_known=0,
                    created_at=self.now,
                )
            )
        trial = TrialRecord(
            id=f"{search.id}.{number}{suffix}",
            search_id=search.id,
            individual=number,
            method=method or equation_method(equation),
            fingerprint=f"behaviour {number}",
            purpose=purpose,
            spec=spec or search.spec.train,
            seed=2**62,
            state=TrialState.QUEUED,
            fence=0,
            created_at=self.now,
            queued_at=self.now,
        )
        self.store.individuals.record(search.id, "c", individuals, [trial], now=self.now)
        return trial.id

    def kinds(self, **options: object) -> list[str]:
        """Of the events there are, in order."""
        return [event.kind for event in self.store.events.after(**options)]

    def lease(self, trial_id: str, worker: str = "node/0", lease_s: float = 60) -> Lease:
        lease = self.store.trials.claim(trial_id, worker, lease_s=lease_s, now=self.now)
        assert lease is not None
        return lease

    def running(self, trial_id: str, worker: str = "node/0") -> Lease:
        lease = self.lease(trial_id, worker)
        assert self.store.trials.start(lease, now=self.now)
        return lease

    def finish(self, trial_id: str, accuracy: float | None = 0.5, **rest: object) -> None:
        """Train the trial in no time; without an accuracy it diverges."""
        assert self.store.trials.finish(self.running(trial_id), result(accuracy, **rest), now=self.now)


def result(accuracy: float | None = 0.5, **rest: object) -> TrainResult:
    if accuracy is None:
        return TrainResult(outcome=TrialState.DIVERGED, reason="loss is nan", train_loss=float("nan"))
    curve = (CurvePoint(0.5, float("inf"), None, 0.1, 1.5), CurvePoint(1.0, 1.25, accuracy, 0.1, 3.0))
    return TrainResult(
        outcome=TrialState.COMPLETED,
        validation_accuracy=accuracy,
        curve=curve,
        wall_time_s=3.0,
        learning_rate=0.1,
        **rest,
    )


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    yield from opened(database_url)


@pytest.fixture
def scene(store: SqlStore) -> Scene:
    return Scene(store)


@pytest.fixture
def confirming() -> Confirmation:
    return Confirmation(best=1, seeds=2)


@pytest.fixture(scope="session")
def train_result():
    """``result`` above: a completed training with a curve, or a diverged one."""
    return result
