"""The contract of nodes that fail, over SQLite and PostgreSQL (``database_url``)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backprop_evo.records.nodes import NOT_BEGUN, NodeRecord
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.states import SearchState, TrialState

POLICY = RetryPolicy(max_attempts=2, delay_s=4, longest_delay_s=10)


@pytest.fixture
def node(scene):
    return NodeRecord(
        name="node",
        slots=2,
        devices=("cpu",),
        code_version="0",
        started_at=scene.now,
        seen_at=scene.now,
        datasets=("mnist", "cifar10-mini"),
        free_memory_mib=2048,
    )


def test_what_a_node_has_is_stored_and_its_faults_outlive_its_heartbeats(scene, node):
    nodes = scene.store.nodes
    assert nodes.find("node") is None
    assert nodes.count_fault("node", "why", quarantine_after=1) is None
    assert nodes.record_heartbeat(node) == node
    assert nodes.count_fault("node", "why", quarantine_after=2).quarantine is None
    stored = nodes.count_fault("node", "why not", quarantine_after=2)
    assert stored.quarantine == "2 faults in a row; the last: why not"
    assert nodes.record_heartbeat(node) == stored
    assert list(nodes.alive(seen_after=scene.now - timedelta(seconds=1))) == [stored]


def test_the_first_reason_stays_until_a_self_test_says_another(scene, node):
    nodes = scene.store.nodes
    nodes.record_heartbeat(node)
    nodes.note_self_test("node", "it was not in quarantine", now=scene.now)
    assert nodes.find("node").quarantine is None
    nodes.count_fault("node", "first", quarantine_after=1)
    assert "first" in nodes.count_fault("node", "second", quarantine_after=1).quarantine
    nodes.note_self_test("node", "no device", now=scene.now)
    assert nodes.find("node").quarantine == "no device"
    assert nodes.find("node").tested_at is None
    nodes.note_self_test("node", None, now=scene.now)
    found = nodes.find("node")
    assert (found.quarantine, found.faults, found.tested_at) == (None, 0, scene.now)


def test_faults_of_many_slots_are_all_counted(scene, node):
    scene.store.nodes.record_heartbeat(node)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: scene.store.nodes.count_fault("node", "why", quarantine_after=99), range(16)))
    assert scene.store.nodes.find("node").faults == 16


def test_a_result_ends_a_row_of_faults(scene, node):
    scene.store.nodes.record_heartbeat(node)
    scene.store.nodes.count_fault("node", "why", quarantine_after=3)
    scene.finish(scene.trial(scene.search()))
    assert scene.store.nodes.find("node").faults == 0


def test_an_attempt_that_was_not_begun_costs_a_pause_and_nothing_else(scene):
    search = scene.search()
    trial_id = scene.trial(search)
    for pause_s in (4, 8, 10, 10):
        lease = scene.running(trial_id)
        assert scene.store.trials.return_unbegun(lease, now=scene.now, reason="no torch", policy=POLICY)
        assert not scene.store.trials.return_unbegun(lease, now=scene.now, reason="again", policy=POLICY)
        trial = scene.store.trials.get(trial_id)
        due = scene.now + timedelta(seconds=pause_s)
        assert (trial.state, trial.not_before) == (TrialState.QUEUED, due)
        scene.later(pause_s)
    assert scene.store.trials.lose(scene.running(trial_id), now=scene.now, reason="killed", policy=POLICY)
    trial = scene.store.trials.get(trial_id)
    assert (trial.state, trial.not_before) == (TrialState.QUEUED, scene.now + timedelta(seconds=4))
    outcomes = [(each.outcome, each.reason) for each in scene.store.trials.attempts(trial_id)]
    assert outcomes == [(NOT_BEGUN, "no torch")] * 4 + [("lost", "killed")]
    assert scene.store.searches.get(search.id).trials_done == 0


def test_only_a_queued_trial_of_a_live_search_is_wanted(scene):
    search = scene.search()
    trial_id = scene.trial(search)
    assert scene.store.queue.is_wanted(trial_id)
    assert not scene.store.queue.is_wanted("nobody")
    paused = scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now, reason="no node")
    assert paused.end_reason == "no node"
    assert not scene.store.queue.is_wanted(trial_id)
    assert scene.store.searches.move(search.id, SearchState.RUNNING, now=scene.now).end_reason is None
    scene.lease(trial_id)
    assert not scene.store.queue.is_wanted(trial_id)


def test_what_all_failed_has_a_common_failure(scene):
    search = scene.search()
    assert scene.store.trials.common_failure(search.id) is None
    for reason in ("first", "second"):
        lease = scene.running(scene.trial(search))
        scene.store.trials.release(lease, now=scene.now, reason=reason, retry=False)
    assert (
        scene.store.trials.common_failure(search.id)
        == "none of its trials came to a result; the last: second"
    )
    scene.finish(scene.trial(search), None)
    assert scene.store.trials.common_failure(search.id) is None, "to diverge is a result"


def test_a_store_that_can_be_written_says_nothing_however_often_it_is_asked(scene):
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: scene.store.check_writable(), range(16))) == [None] * 16
