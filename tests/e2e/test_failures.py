"""Whatever dies, a search ends with exactly its number of trials, and none is counted twice."""

import shutil
import time
from dataclasses import replace

import pytest

from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import TrialRecord
from backprop_evo.search.budget import COUNTED
from tests.e2e.cluster import SLOW, Cluster, eventually, search_spec

pytestmark = pytest.mark.slow

STEADY = SLOW.__class__(
    model="mlp-32",
    epochs=12,
    batch_size=64,
    learning_rate=0.1,
    train_images=1280,
    validation_images=200,
    augment=False,
)
"""Long enough to be killed in the middle, on any machine."""


def trials_of(cluster: Cluster, search_id: str) -> list[TrialRecord]:
    return list(cluster.store.trials.page(search_id, limit=200).items)


def assert_exact(cluster: Cluster, search_id: str, trials: int) -> None:
    """So many trainings, those of the search of different equations, each with one terminal trial and one
    place in the finish order."""
    search = cluster.store.searches.get(search_id)
    assert search.state is SearchState.COMPLETED, search.failure
    found = trials_of(cluster, search_id)
    # What one backward pass screens out is no training of the budget, and another takes its place.
    counted = [t for t in found if t.purpose in COUNTED and t.state is not TrialState.SCREENED]
    assert (search.trials_done, len(counted)) == (trials, trials)
    searched = [trial.fingerprint for trial in counted if trial.purpose is Purpose.SEARCH]
    assert len(set(searched)) == len(searched)
    orders = sorted(trial.finish_order or 0 for trial in found)
    assert orders == list(range(1, len(found) + 1))
    assert all(trial.state.is_terminal for trial in found)
    numbers = [each.number for each in cluster.store.individuals.of(search_id)]
    assert numbers == list(range(len(numbers)))


def until_running(cluster: Cluster, search_id: str) -> TrialRecord:
    def running() -> list[TrialRecord]:
        return [each for each in trials_of(cluster, search_id) if each.state is TrialState.RUNNING]

    eventually(lambda: bool(running()), "a trial ran")
    return running()[0]


def test_a_controller_killed_in_the_middle_goes_on_where_it_was(cluster: Cluster) -> None:
    search = cluster.service.submit_search(search_spec("controller killed", trials=12))
    for done in (2, 6):
        eventually(
            lambda done=done: cluster.store.searches.get(search.id).trials_done >= done,
            f"{done} trials ended",
        )
        cluster.kill("controller")
        before = cluster.store.searches.get(search.id).trials_done
        assert before < 12, "it was killed too late to mean anything"
        cluster.start("controller")
    cluster.until_ended(search.id)
    assert_exact(cluster, search.id, 12)


def test_a_worker_killed_in_a_trial_is_replaced(cluster: Cluster) -> None:
    search = cluster.service.submit_search(search_spec("worker killed", trials=4, train=STEADY))
    victim = until_running(cluster, search.id)
    for process in cluster.pool_processes():
        process.kill()
    cluster.until_ended(search.id)
    assert_exact(cluster, search.id, 4)
    assert len(cluster.store.trials.attempts(victim.id)) == 2
    assert cluster.store.trials.get(victim.id).fence == 2


def test_a_redis_that_lost_everything_is_told_again(cluster: Cluster) -> None:
    search = cluster.service.submit_search(search_spec("redis emptied", trials=6, train=STEADY))
    until_running(cluster, search.id)
    cluster.kill("redis")
    shutil.rmtree(cluster.home / "redis")
    time.sleep(1.0)
    cluster.start("redis")
    cluster.until_ended(search.id)
    assert_exact(cluster, search.id, 6)


def test_a_search_submitted_while_redis_is_away_runs_later(cluster: Cluster) -> None:
    cluster.kill("redis")
    cluster.kill("controller")
    cluster.start("controller")
    search = cluster.service.submit_search(search_spec("redis away", trials=3))
    eventually(lambda: len(trials_of(cluster, search.id)) > 0, "the controller decided without Redis")
    cluster.start("redis")
    cluster.until_ended(search.id)
    assert_exact(cluster, search.id, 3)


def test_a_cancelled_search_stops_its_running_trials(cluster: Cluster) -> None:
    search = cluster.service.submit_search(search_spec("cancelled", trials=4, train=SLOW))
    until_running(cluster, search.id)
    cluster.service.apply_verb("cancel", search.id)
    assert {trial.state for trial in trials_of(cluster, search.id)} == {TrialState.CANCELLED}
    after = cluster.service.submit_search(search_spec("after a cancellation", trials=2))
    assert cluster.until_ended(after.id, within_s=60).state is SearchState.COMPLETED


def test_a_node_that_is_told_to_stop_gives_its_trials_back_at_once(cluster: Cluster) -> None:
    # A rate at which no equation diverges, or one might end by itself before its node does; all four are
    # trained to their end by the next one, so that they are no longer than that needs.
    train = replace(SLOW, epochs=60, learning_rate=1e-12)
    search = cluster.service.submit_search(search_spec("node drained", trials=4, train=train))
    given_back = until_running(cluster, search.id)
    family = cluster.pool_processes()
    cluster.terminate("node")
    assert not any(process.is_running() for process in family)
    assert cluster.store.trials.get(given_back.id).state is TrialState.QUEUED
    assert "shutting down" in str(cluster.store.trials.attempts(given_back.id)[0].reason)
    cluster.start("node")
    cluster.until_ended(search.id)
    assert_exact(cluster, search.id, 4)
