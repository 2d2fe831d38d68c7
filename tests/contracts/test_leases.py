"""The contract of leases on trials, over SQLite and PostgreSQL (``database_url``)."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.states import TrialState


class TestLeases:
    def test_one_of_many_workers_gets_the_lease(self, scene):
        search = scene.search()
        trials = [scene.trial(search) for _ in range(8)]
        with ThreadPoolExecutor(16) as pool:
            leases = list(
                pool.map(
                    lambda job: scene.store.trials.claim(job[0], f"w/{job[1]}", lease_s=60, now=scene.now),
                    [(trial_id, worker) for trial_id in trials for worker in range(16)],
                )
            )
        assert Counter(lease.trial_id for lease in leases if lease) == dict.fromkeys(trials, 1)
        assert all(len(scene.store.trials.attempts(trial_id)) == 1 for trial_id in trials)

    def test_a_worker_whose_fence_is_old_writes_nothing(self, scene, train_result):
        search = scene.search()
        trial_id = scene.trial(search)
        old = scene.running(trial_id, "old/0")
        assert scene.store.trials.expire(now=scene.later(61), policy=RetryPolicy(max_attempts=3)) == [
            trial_id
        ]
        new = scene.running(trial_id, "new/0")
        assert new.fence == old.fence + 1
        assert not scene.store.trials.renew(old, lease_s=60, now=scene.now)
        assert not scene.store.trials.start(old, now=scene.now)
        assert not scene.store.trials.finish(old, train_result(0.1), now=scene.now)
        assert not scene.store.trials.release(old, now=scene.now, reason="bye", retry=True)
        assert scene.store.trials.finish(new, train_result(0.9), now=scene.now)
        assert not scene.store.trials.finish(old, train_result(0.1), now=scene.now)
        assert scene.store.trials.get(trial_id).result.validation_accuracy == 0.9
        assert [a.outcome for a in scene.store.trials.attempts(trial_id)] == ["lost", "completed"]

    def test_a_renewed_lease_does_not_expire(self, scene):
        lease = scene.running(scene.trial(scene.search()))
        assert scene.store.trials.renew(lease, lease_s=60, now=scene.later(50))
        assert scene.store.trials.expire(now=scene.later(50), policy=RetryPolicy(max_attempts=3)) == []
        assert scene.store.trials.renew(lease, lease_s=60, now=scene.now)

    def test_a_trial_whose_workers_vanish_too_often_ends_as_lost_and_counts(self, scene):
        search = scene.search()
        trial_id = scene.trial(search)
        for _ in range(3):
            scene.running(trial_id)
            scene.later(61)
            scene.store.trials.expire(now=scene.now, policy=RetryPolicy(max_attempts=3))
        lost = scene.store.trials.get(trial_id)
        assert (lost.state, lost.finish_order) == (TrialState.LOST, 1)
        assert "3 times" in lost.result.reason
        assert scene.store.searches.get(search.id).trials_done == 1
        assert len(scene.store.trials.attempts(trial_id)) == 3

    def test_each_loss_doubles_the_pause_before_the_next_attempt(self, scene):
        policy = RetryPolicy(max_attempts=5, delay_s=2, longest_delay_s=7)
        trial_id = scene.trial(scene.search())
        for pause_s in (2, 4, 7, 7):
            scene.running(trial_id)
            scene.later(61)
            assert scene.store.trials.expire(now=scene.now, policy=policy) == [trial_id]
            due = scene.now + timedelta(seconds=pause_s)
            assert scene.store.trials.get(trial_id).not_before == due
            scene.later(pause_s - 0.001)
            assert scene.store.queue.unsent(queued_before=scene.now) == []
            assert scene.store.trials.claim(trial_id, "w", lease_s=60, now=scene.now) is None
            scene.later(0.001)
            assert scene.store.queue.unsent(queued_before=scene.now) == [trial_id]
        scene.running(trial_id)
        assert scene.store.trials.get(trial_id).not_before is None

    @pytest.mark.parametrize(("lived_s", "state"), [(129, TrialState.QUEUED), (130, TrialState.TIMEOUT)])
    def test_a_trial_that_was_stopped_at_its_limit_is_a_timeout_and_not_tried_again(
        self, scene, lived_s, state
    ):
        policy = RetryPolicy(max_attempts=3, overrun_s=130, lease_s=60)
        search = scene.search()
        trial_id = scene.trial(search)
        lease = scene.running(trial_id)
        for second in (40, 80, 120, lived_s):
            now = lease.expires_at + timedelta(seconds=second - 60)
            assert scene.store.trials.renew(lease, lease_s=60, now=now)
        scene.store.trials.expire(now=scene.later(86_400), policy=policy)
        trial = scene.store.trials.get(trial_id)
        assert trial.state is state
        (attempt,) = scene.store.trials.attempts(trial_id)
        if state is TrialState.TIMEOUT:
            assert (trial.result.outcome, trial.result.wall_time_s) == (TrialState.TIMEOUT, 130)
            assert "time limit" in trial.result.reason
            assert attempt.outcome == "timeout"
            assert scene.store.searches.get(search.id).trials_done == 1
        else:
            assert attempt.outcome == "lost"

    def test_a_trial_that_was_never_started_is_no_timeout(self, scene):
        policy = RetryPolicy(max_attempts=3, overrun_s=1, lease_s=1)
        trial_id = scene.trial(scene.search())
        scene.lease(trial_id)
        scene.store.trials.expire(now=scene.later(100), policy=policy)
        assert scene.store.trials.get(trial_id).state is TrialState.QUEUED

    def test_only_the_newest_lease_can_be_lost(self, scene):
        policy = RetryPolicy(max_attempts=2)
        trial_id = scene.trial(scene.search())
        old = scene.running(trial_id)
        assert scene.store.trials.lose(old, now=scene.now, reason="it hangs", policy=policy)
        new = scene.running(trial_id)
        assert not scene.store.trials.lose(old, now=scene.now, reason="it hangs", policy=policy)
        assert scene.store.trials.lose(new, now=scene.now, reason="it hangs", policy=policy)
        assert not scene.store.trials.lose(new, now=scene.now, reason="it hangs", policy=policy)
        lost = scene.store.trials.get(trial_id)
        assert (lost.state, lost.result.reason) == (TrialState.LOST, "lost 2 times; the last time: it hangs")
        assert [(a.outcome, a.reason) for a in scene.store.trials.attempts(trial_id)] == [
            ("lost", "it hangs")
        ] * 2

    def test_all_leases_of_one_worker_are_lost_and_no_others(self, scene):
        policy = RetryPolicy(max_attempts=3)
        search = scene.search()
        mine, also_mine, other = (scene.trial(search) for _ in range(3))
        scene.running(mine, "node/0")
        scene.lease(also_mine, "node/0")
        scene.running(other, "node/01")
        lost = scene.store.trials.lose_all("node/0", now=scene.now, reason="died", policy=policy)
        assert set(lost) == {mine, also_mine}
        assert scene.store.trials.lose_all("node/0", now=scene.now, reason="died", policy=policy) == []
        states = [scene.store.trials.get(each).state for each in (mine, also_mine, other)]
        assert states == [TrialState.QUEUED, TrialState.QUEUED, TrialState.RUNNING]

    def test_many_reconcilers_put_a_trial_back_once(self, scene):
        search = scene.search()
        trials = [scene.trial(search) for _ in range(5)]
        for trial_id in trials:
            scene.running(trial_id)
        scene.later(61)
        with ThreadPoolExecutor(6) as pool:
            expired = pool.map(
                lambda _: scene.store.trials.expire(now=scene.now, policy=RetryPolicy(max_attempts=3)),
                range(6),
            )
        assert Counter(trial_id for ids in expired for trial_id in ids) == dict.fromkeys(trials, 1)

    def test_a_released_trial_is_tried_again_or_fails(self, scene):
        search = scene.search()
        trial_id = scene.trial(search)
        released = scene.running(trial_id)
        assert scene.store.trials.release(released, now=scene.now, reason="shutdown", retry=True)
        assert scene.store.trials.get(trial_id).state is TrialState.QUEUED
        second = scene.running(trial_id)
        assert scene.store.trials.release(second, now=scene.now, reason="broken", retry=False)
        assert (scene.store.trials.get(trial_id).state, scene.store.trials.get(trial_id).result.reason) == (
            TrialState.FAILED,
            "broken",
        )
        assert [a.outcome for a in scene.store.trials.attempts(trial_id)] == ["released", "failed"]


CLAIM_ALL = """
import random, sys
from datetime import datetime
from backprop_evo.store.sql import open_store

url, now, worker, *trial_ids = sys.argv[1:]
store = open_store(url)
random.Random(worker).shuffle(trial_ids)
leases = [store.trials.claim(i, worker, lease_s=60, now=datetime.fromisoformat(now)) for i in trial_ids]
print(*(lease.trial_id for lease in leases if lease))
"""


@pytest.mark.slow
def test_processes_that_claim_the_same_trials_get_each_once_and_never_a_locked_database(scene, database_url):
    search = scene.search()
    trials = [scene.trial(search) for _ in range(40)]
    claiming = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM_ALL, database_url, scene.now.isoformat(), f"node/{i}", *trials],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(3)
    ]
    outputs = [process.communicate(timeout=120) for process in claiming]
    assert [errors for _, errors in outputs] == [""] * 3
    assert Counter(trial_id for claimed, _ in outputs for trial_id in claimed.split()) == dict.fromkeys(
        trials, 1
    )
