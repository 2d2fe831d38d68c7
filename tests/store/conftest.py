"""Databases of both kinds to fill, and one in which a search is in its middle."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

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


@pytest.fixture
def begun(database_url):
    """The URL of a database with a search in its middle, and the search's id."""
    return database_url, begin(database_url)
