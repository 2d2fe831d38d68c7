"""Machines whose clocks disagree: work may be wasted, no result is doubled or lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.states import TrialState

POLICY = RetryPolicy(max_attempts=3)


def test_a_controller_whose_clock_is_ahead_wastes_a_try_and_no_result(
    scene: Any, train_result: Callable[..., Any]
) -> None:
    trial_id = scene.trial(scene.search())
    early = scene.running(trial_id, "node/0")
    scene.store.trials.expire(now=scene.now + timedelta(seconds=61), policy=POLICY)
    assert scene.store.trials.get(trial_id).state is TrialState.QUEUED
    assert not scene.store.trials.finish(early, train_result(0.9), now=scene.now), "its fence is old"
    scene.later(600)
    late = scene.running(trial_id, "node/1")
    assert scene.store.trials.finish(late, train_result(0.4), now=scene.now)
    ended = scene.store.trials.get(trial_id)
    assert (ended.state, ended.result.validation_accuracy) == (TrialState.COMPLETED, 0.4)
    assert [each.outcome for each in scene.store.trials.attempts(trial_id)] == ["lost", "completed"]
    assert len(scene.store.trials.finishes(ended.search_id)) == 1


def test_a_worker_whose_clock_is_behind_loses_nothing_that_it_renews(
    scene: Any, train_result: Callable[..., Any]
) -> None:
    trial_id = scene.trial(scene.search())
    lease = scene.running(trial_id, "node/0")
    behind = scene.now - timedelta(seconds=30)
    assert scene.store.trials.renew(lease, lease_s=60, now=behind)
    scene.store.trials.expire(now=scene.now + timedelta(seconds=29), policy=POLICY)
    assert scene.store.trials.finish(lease, train_result(0.5), now=behind)
    assert scene.store.trials.get(trial_id).state is TrialState.COMPLETED
