"""A real SQLite store with one running search."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import SearchRecord
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.stores import opened
from tests.workers.rows import CONTROLLER, GOOD, Clock, FakeBroker, add_trials, give
from workers.attempt import Attempts
from workers.drain import Drain


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def options(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, lease_s=60, heartbeat_s=0.05, resend_s=30, max_attempts=3)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    yield from opened(sqlite_url)


@pytest.fixture
def search(store: SqlStore, clock: Clock) -> SearchRecord:
    """Claimed by ``CONTROLLER``."""
    store.searches.add(SearchSpec(name="test"), now=clock())
    claimed = store.searches.claim(CONTROLLER, lease_s=600, now=clock())
    assert claimed is not None
    return claimed


@pytest.fixture
def attempts(store: SqlStore, options: Settings, clock: Clock) -> Attempts:
    return Attempts(store, "node/1-0", options, give(GOOD), Drain(), clock)


@pytest.fixture
def trial_id(store: SqlStore, search: SearchRecord, clock: Clock) -> str:
    return add_trials(store, search, 1, clock())[0]
