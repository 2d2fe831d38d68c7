"""A search moves from SQLite to PostgreSQL in its middle, as operators do it, and ends as one that stayed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backprop_evo.cli.main import app
from backprop_evo.records.states import SearchState
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from tests.e2e.cluster import Cluster, eventually, search_spec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TRIALS, MOVED_AT = 12, 4
PATIENT_S = 400.0
STACK = ("redis", "node", "controller")
#: One at a time: the order of finishing, and with it every proposal, is then the same wherever it runs.
ALONE = {"in_flight": 1, "seed": 11}


def told(cluster: Cluster, search_id: str) -> tuple[list[Any], list[Any]]:
    """What was proposed and what came of it, but for ids and times."""
    plain = {"search_id": "", "created_at": None}
    individuals = [replace(each, **plain) for each in cluster.store.individuals.of(search_id)]
    trials = {each.id: each for each in cluster.store.trials.finished(search_id)}
    finishes = [
        (each.trial_id.removeprefix(search_id), each.state, trials[each.trial_id].result.validation_accuracy)
        for each in cluster.store.trials.finishes(search_id)
    ]
    return individuals, finishes


def test_a_search_moved_to_postgresql_in_its_middle_ends_as_one_that_stayed(
    new_postgres_database: Callable[..., str], tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    cluster = Cluster(before, SLOTS="1")
    cluster.start(*STACK)
    try:
        stayed = cluster.service.submit_search(replace(search_spec("stayed", trials=TRIALS), **ALONE))
        assert cluster.until_ended(stayed.id, PATIENT_S).state is SearchState.COMPLETED
        expected = told(cluster, stayed.id)
        moved = cluster.service.submit_search(replace(search_spec("moved", trials=TRIALS), **ALONE))
        eventually(lambda: cluster.store.searches.get(moved.id).trials_done >= MOVED_AT, "it ran", PATIENT_S)
        for name in ("controller", "node", "redis"):
            cluster.terminate(name)
        done = cluster.store.searches.get(moved.id).trials_done
        assert done < TRIALS, "it was stopped too late to mean anything"
    finally:
        cluster.stop()

    url = new_postgres_database()
    copied = CliRunner().invoke(app, ["db", "copy", cluster.database_url, url, "--json"])
    assert copied.exit_code == 0, copied.stderr
    assert json.loads(copied.stdout)

    cluster = Cluster(after, url, SLOTS="1")
    assert cluster.store.searches.get(moved.id).trials_done == done
    cluster.start(*STACK)
    try:
        assert cluster.until_ended(moved.id, PATIENT_S).state is SearchState.COMPLETED
        assert told(cluster, moved.id) == expected
        assert told(cluster, stayed.id) == expected
        spec = cluster.store.searches.get(moved.id).spec
        individuals = tuple(cluster.store.individuals.of(moved.id))
        finishes = cluster.store.trials.finishes(moved.id)
        assert replay(spec, SearchLanguage(spec), individuals, finishes) == individuals
    finally:
        cluster.stop()
