"""A database of an earlier version: upgraded, listed, replayed to the same individuals, and gone on with."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Role
from backprop_evo.records.training import TrainResult
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service import drive_once
from backprop_evo.service.search_reports import search_report
from backprop_evo.store import migrations
from backprop_evo.store.sql import open_store
from tests.contracts import counting

DUMPS = sorted((Path(__file__).parents[1] / "fixtures").glob("revision_*.sql"))
STATES = {
    "finished": SearchState.COMPLETED,
    "defaults of old": SearchState.COMPLETED,
    "half finished": SearchState.RUNNING,
    "never begun": SearchState.PAUSED,
}


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def old(request, tmp_path):
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(request.param.read_text(encoding="utf-8"))
    database.close()
    return path


@pytest.fixture
def store(old):
    migrations.upgrade(f"sqlite:///{old}")
    store = open_store(f"sqlite:///{old}")
    yield store
    store.close()


def rows(path):
    """Every row by table, without the columns that come and go; ids and texts as they are stored."""
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    found = {}
    for table in ("searches", "individuals", "trials", "attempts", "standings", "events", "nodes"):
        stored = [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY rowid")]
        found[table] = [
            {
                name: without(row[name]) if name == "spec" else row[name]
                for name in row
                if name not in NEW_COLUMNS and f"{table}.{name}" not in NEW_IN_SEARCHES
            }
            for row in stored
        ]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()
    return found


NEW_COLUMNS = ("idempotency_key", "not_before", "reports", "method", "is_yardstick", "extensions")
NEW_COLUMNS += ("setting_id", "is_control", "role", "screened_out", "inherited_step", "relative_step")
NEW_COLUMNS += ("datasets", "free_memory_mib", "faults", "quarantine", "priority", "counterpart")
NEW_COLUMNS += ("tested_at", "own_labels", "fetches", "fetching", "fetch_faults", "wanted_slots")
NEW_COLUMNS += ("wanted_labels", "draining", "gives_back", "labels", "stranded")
NEW_COLUMNS += ("remeasures", "search_m2", "spent_s", "slot_s", "metered_at")
NEW_COLUMNS += ("retries", "injections", "archived_at", "tags", "note", "owner")
NEW_IN_SEARCHES = ("searches.kind", "searches.search_id")
DROPPED = "confirmations_planned"


def without(spec):
    """A stored spec but for the fields that migrations add, in it and in its parts."""
    added = {"mutation_redraw", "products", "reestimate_batches", "validation_part", "controls", "test"}
    added |= {"screening", "selection"}
    return json.loads(spec, object_hook=lambda read: {name: read[name] for name in read if name not in added})


def test_no_row_is_lost_on_the_way_up_nor_on_the_way_down(old):
    before = rows(old)
    assert len(before["trials"]) > 30
    migrations.upgrade(f"sqlite:///{old}")
    kept = {**before, "standings": [dict(row) for row in before["standings"]]}
    assert sum(row.pop(DROPPED) for row in kept["standings"]) > 4
    assert rows(old) == kept
    migrations.downgrade(f"sqlite:///{old}", "0003")
    assert rows(old) == before


def test_its_searches_are_listed(store):
    assert {each.spec.name: each.state for each in store.searches.page().items} == STATES


@pytest.mark.parametrize("name", ["finished", "defaults of old", "half finished"])
def test_it_replays_to_the_same_individuals(store, name):
    search = next(each for each in store.searches.page().items if each.spec.name == name)
    individuals = tuple(store.individuals.of(search.id))
    assert len(individuals) > 12
    again = replay(search.spec, SearchLanguage(search.spec), individuals, store.trials.finishes(search.id))
    assert again == individuals


def test_its_searches_mutate_as_they_did(store):
    assert {each.spec.mutation_redraw for each in store.searches.page().items} == {"place"}
    assert {each.spec.products for each in store.searches.page().items} == {"three"}


def test_its_searches_screen_nothing_and_probe_the_whole_grid(store):
    for search in store.searches.page().items:
        assert (search.spec.screening, search.spec.rates, search.screened_out) == (False, "grid", 0)
        assert {each.screened_out for each in store.individuals.of(search.id)} <= {None}


def test_its_parents_completed_and_nothing_is_measured_again(store):
    for search in store.searches.page().items:
        assert (search.spec.selection.parents, search.spec.selection.remeasured) == ("completed", 0)
        assert {each.remeasures for each in store.individuals.of(search.id)} <= {None}
        rows = store.leaderboard.page(search.id, limit=500).items
        assert {(row.search_fitness.n, row.search_fitness.std) for row in rows} <= {(1, None)}


def test_its_trainings_are_measured_as_they_were(store):
    searches = store.searches.page().items
    trains = [each.spec.train for each in searches]
    trains += [trial.spec for each in searches for trial in store.trials.page(each.id, limit=500).items]
    assert len(trains) > 30
    assert {(each.validation_part, each.reestimate_batches) for each in trains} == {("whole", 0)}


def test_its_leaderboard_and_trials_can_be_read(store):
    for search in store.searches.page().items:
        for trial in store.trials.page(search.id, limit=500).items:
            assert trial.spec == search.spec.train or trial.spec.evaluate_test
            assert store.trials.attempts(trial.id) is not None
        rows = store.leaderboard.page(search.id).items
        assert bool(rows) == (search.trials_done > 0)


def test_its_trials_and_results_are_counted(store):
    counting.check(store)
    assert sum(counting.ended_trials(store)[0].values()) > 30


def test_its_searches_have_a_report(store):
    for search in store.searches.page().items:
        report = search_report(store, search)
        assert (
            "plain backprop" in report.headline
            or "no equation is confirmed" in report.headline
            or (report.headline.startswith("No verdict"))
        )
        assert bool(report.confirmed) == report.headline.startswith("No verdict")
        assert not report.replay.startswith("Not proven"), report.replay
        for format in REPORT_FORMATS.values():
            assert format.write(report)
    finished = next(each for each in store.searches.page().items if each.spec.name == "finished")
    assert search_report(store, finished).confirmed


def train_all(store, search_id, now):
    for trial in store.trials.open(search_id):
        lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=now)
        accuracy = sum(map(ord, trial.method.equation)) % 97 / 100
        result = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=accuracy)
        assert store.trials.start(lease, now=now)
        assert store.trials.finish(lease, result, now=now)


def test_what_was_confirmed_before_is_still_shown(store):
    search = next(each for each in store.searches.page().items if each.spec.name == "finished")
    confirmed = [row for row in store.leaderboard.page(search.id).items if row.confirmed]
    assert len(confirmed) == 3
    assert {(row.validation.n, row.test.n, row.is_control) for row in confirmed} == {(2, 2, False)}
    assert store.evaluations.stages_of(search.id) == {}


def test_a_search_that_was_confirming_orders_an_evaluation_instead(old):
    with sqlite3.connect(old) as database:
        (search_id,) = database.execute("SELECT id FROM searches WHERE name = 'finished'").fetchone()
        database.execute("UPDATE searches SET state = 'running' WHERE id = ?", (search_id,))
        database.execute(
            "UPDATE trials SET state = 'running', result = NULL, finish_order = NULL WHERE search_id = ? AND "
            "finish_order = (SELECT max(finish_order) FROM trials WHERE search_id = ?)",
            (search_id, search_id),
        )
    database.close()
    migrations.upgrade(f"sqlite:///{old}")
    store = open_store(f"sqlite:///{old}")
    assert store.trials.open(search_id) == []
    claimed = store.searches.claim("later", lease_s=60, now=datetime(2027, 1, 1, tzinfo=UTC))
    _, decisions = drive_once(store, claimed, "later", None, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert (decisions.is_empty, decisions.end) == (True, None)
    assert (
        store.evaluations.stages_of(search_id)[Role.CONFIRMATION].spec.seeds
        == claimed.spec.confirmation.seeds
    )
    store.close()
    cancelled = "SELECT count(*) FROM trials WHERE purpose = 'confirmation' AND state = 'cancelled'"
    for revision, left in ((None, 1), ("0010", 0)):
        if revision:
            migrations.downgrade(f"sqlite:///{old}", revision)
        with sqlite3.connect(old) as database:
            assert database.execute(cancelled).fetchone() == (left,)
        database.close()


def test_the_rows_of_its_leaderboard_know_their_setting(store):
    for search in store.searches.page().items:
        rows = store.leaderboard.page(search.id, limit=500).items
        assert {row.setting_id for row in rows} <= {setting_id(search.spec.train)}
    listed = store.leaderboard.settings().items
    everything = [row for search in store.searches.page().items for row in all_rows(store, search)]
    assert sum(each.results for each in listed) == len(everything) > 30
    assert {each.id for each in listed} == {row.setting_id for row in everything}


def all_rows(store, search):
    return store.leaderboard.page(search.id, limit=500).items


def test_its_half_finished_search_goes_on_to_its_end_and_replays(store):
    search = next(each for each in store.searches.page().items if each.spec.name == "half finished")
    before = tuple(store.individuals.of(search.id))
    now, progress = datetime(2027, 1, 1, tzinfo=UTC), None
    store.trials.expire(now=now, policy=RetryPolicy(max_attempts=9))
    search = store.searches.claim("later", lease_s=3600, now=now)
    while not store.searches.get(search.id).state.is_terminal:
        progress, _ = drive_once(store, search, "later", progress, now=now)
        train_all(store, search.id, now)
        ordered = store.evaluations.stages_of(search.id).get(Role.CONFIRMATION)
        if ordered is not None and not ordered.state.is_terminal:
            claimed = store.evaluations.claim("later", lease_s=3600, now=now)
            drive_once(store, claimed, "later", None, now=now)
            store.evaluations.release_claim(claimed.id, "later")
            train_all(store, claimed.id, now)
    ended = store.searches.get(search.id)
    individuals = tuple(store.individuals.of(search.id))
    assert (ended.state, ended.trials_done) == (SearchState.COMPLETED, 30)
    assert individuals[: len(before)] == before
    finishes = store.trials.finishes(search.id)
    assert replay(ended.spec, SearchLanguage(ended.spec), individuals, finishes) == individuals
    (ordered,) = store.evaluations.of_search(search.id)
    assert (ordered.state, ordered.spec.controls) == (SearchState.COMPLETED, ())
    confirmed = [row for row in store.leaderboard.page(search.id).items if row.confirmed]
    assert {row.fingerprint for row in confirmed} == {
        each.fingerprint for each in store.individuals.of(ordered.id)
    }
