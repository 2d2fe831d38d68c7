"""The contract of the time that workers spent, over SQLite and PostgreSQL (``database_url``)."""

import pytest


def busy(scene, trial, seconds, end):
    """One attempt at the trial; ``end`` says how it ends."""
    lease = scene.store.trials.claim(trial, "node/0", lease_s=600, now=scene.now)
    assert scene.store.trials.start(lease, now=scene.now)
    end(lease, scene.later(seconds))


def test_every_attempt_that_ended_counts_for_its_trial_alone(scene, train_result):
    store, search, beside = scene.store, scene.search(), scene.search("beside")
    first, second = scene.trial(search), scene.trial(search, equation="h * dh")
    other, running = scene.trial(beside), scene.trial(search, equation="g * dh")

    def given_back(lease, now):
        assert store.trials.release(lease, now=now, reason="stopped", retry=True)

    def finished(lease, now):
        assert store.trials.finish(lease, train_result(0.5), now=now)

    busy(scene, first, 5.25, given_back)
    busy(scene, first, 7, finished)
    busy(scene, second, 0.5, finished)
    busy(scene, other, 100, finished)
    busy(scene, running, 3, lambda _lease, _now: None)
    assert store.statistics.worker_time(search.id) == {
        first: pytest.approx(12.25),
        second: pytest.approx(0.5),
    }
    assert store.statistics.worker_time(beside.id) == {other: pytest.approx(100)}
    assert store.statistics.worker_time("nobody") == {}
