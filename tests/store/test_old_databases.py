"""A database of an earlier version: upgraded, listed, replayed to the same individuals, and gone on with."""

import sqlite3
from pathlib import Path

import pytest

from backprop_evo.records.searching import SearchState
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.store import migrations
from backprop_evo.store.sql import open_store

DUMPS = sorted((Path(__file__).parents[1] / "fixtures").glob("revision_*.sql"))
STATES = {
    "finished": SearchState.COMPLETED,
    "defaults of old": SearchState.COMPLETED,
    "half finished": SearchState.RUNNING,
    "never begun": SearchState.PAUSED,
}


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def store(request, tmp_path):
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(request.param.read_text(encoding="utf-8"))
    database.close()
    migrations.upgrade(f"sqlite:///{path}")
    store = open_store(f"sqlite:///{path}")
    yield store
    store.close()


def test_its_searches_are_listed(store):
    assert {each.spec.name: each.state for each in store.searches().items} == STATES


@pytest.mark.parametrize("name", ["finished", "defaults of old", "half finished"])
def test_it_replays_to_the_same_individuals(store, name):
    search = next(each for each in store.searches().items if each.spec.name == name)
    individuals = tuple(store.individuals(search.id))
    assert len(individuals) > 12
    again = replay(search.spec, SearchLanguage(search.spec), individuals, store.finishes(search.id))
    assert again == individuals


def test_its_searches_mutate_as_they_did(store):
    assert {each.spec.mutation_redraw for each in store.searches().items} == {"place"}


def test_its_leaderboard_and_trials_can_be_read(store):
    for search in store.searches().items:
        for trial in store.trials(search.id, limit=500).items:
            assert trial.spec == search.spec.train or trial.spec.evaluate_test
            assert store.attempts(trial.id) is not None
        rows = store.leaderboard(search.id).items
        assert bool(rows) == (search.trials_done > 0)
