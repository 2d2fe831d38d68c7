"""Databases of both kinds to fill, and one in which a search is in its middle."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import SearchSpec
from backprop_evo.service import Service
from backprop_evo.store.sql import open_store
from tests.service.conftest import Clock, train_oldest
from tests.service.lives import live

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
"""When every claim, lease and heartbeat of the tests has run out."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """No tables yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'empty.sqlite'}"
    return request.getfixturevalue("new_postgres_database")()


def spec_of(trials, **options):
    confirmation = Confirmation(best=1, seeds=2)
    return SearchSpec(
        name="in its middle ⊙",
        trials=trials,
        start_random=3,
        in_flight=2,
        seed=5,
        confirmation=confirmation,
        **options,
    )


def begin(url, *, trials=12, until=6, **options):
    """A search of which ``until`` trials are done, others under way; its id."""
    store, clock = open_store(url), Clock(NOW)
    try:
        search = Service(store, clock=clock).submit_search(spec_of(trials, **options))
        live(
            store,
            clock,
            "the first",
            lambda: store.searches.get(search.id).trials_done >= until,
            train_oldest,
        )
    finally:
        store.close()
    return search.id


@pytest.fixture(scope="session")
def begun_sqlite(migrated_sqlite, tmp_path_factory):
    """A SQLite file to copy, and the id of the search in it."""
    path = tmp_path_factory.mktemp("begun") / "begun.sqlite"
    shutil.copy(migrated_sqlite, path)
    return path, begin(f"sqlite:///{path}")


@pytest.fixture
def begun(database_url, begun_sqlite):
    """The URL of a database with a search in its middle, and the search's id."""
    if not database_url.startswith("sqlite"):
        return database_url, begin(database_url)
    path, search_id = begun_sqlite
    assert not Path(f"{path}-wal").exists(), "what was committed last is not in the file"
    shutil.copy(path, sa.make_url(database_url).database)
    return database_url, search_id
