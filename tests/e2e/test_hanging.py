"""Trainings that hang, in a real Celery worker: they are killed, and their trials end as they should."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import AttemptRecord, TrialRecord
from backprop_evo.settings import Settings
from tests.e2e.cluster import IMPATIENT, Cluster, eventually, search_spec
from tests.workers.rows import CONTROLLER, add_trials
from workers.app import make_app
from workers.dispatch import CeleryBroker, Dispatcher

pytestmark = pytest.mark.slow


class Stage:
    """A Redis and one slot that hangs; the dispatcher runs here."""

    def __init__(self, home: Path, **settings: str) -> None:
        chosen = {**IMPATIENT, "LEASE_S": "1.5", "RESEND_S": "1", "MAX_ATTEMPTS": "2", **settings}
        self.cluster = Cluster(home, **chosen)
        options = {name.lower(): value for name, value in chosen.items()}
        self.options = Settings.model_validate({"home": home, **options})
        self.dispatcher = Dispatcher(self.cluster.store, CeleryBroker(make_app(self.options)), self.options)

    def trial(self) -> str:
        store, now = self.cluster.store, datetime.now(UTC)
        store.searches.add(search_spec("hanging", trials=1), now=now)
        search = store.searches.claim(CONTROLLER, lease_s=600, now=now)
        assert search is not None
        return add_trials(store, search, 1, now)[0]

    def until_ended(self, trial_id: str) -> tuple[TrialRecord, list[AttemptRecord]]:
        store = self.cluster.store

        def ended() -> bool:
            self.dispatcher.send_new(now=datetime.now(UTC))
            self.dispatcher.reconcile(now=datetime.now(UTC))
            return store.trials.get(trial_id).state.is_terminal

        eventually(ended, f"{trial_id} ended: {self.cluster.logs()}", within_s=60)
        return store.trials.get(trial_id), list(store.trials.attempts(trial_id))


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = Stage(tmp_path, **request.param)
    stage.cluster.start("redis", "hanging slot")
    socket = tmp_path / "redis" / "redis.sock"
    eventually(socket.exists, "Redis was there")
    yield stage
    stage.cluster.stop()


@pytest.mark.parametrize(
    "stage", [{"TRIAL_TIME_LIMIT_S": "1", "TRIAL_TIME_GRACE_S": "1"}], indirect=True, ids=["1 s"]
)
def test_a_training_that_is_killed_at_the_hard_limit_is_a_timeout(stage: Stage) -> None:
    trial, attempts = stage.until_ended(stage.trial())
    assert trial.state is TrialState.TIMEOUT, trial.result
    assert trial.result is not None
    assert "time limit" in str(trial.result.reason)
    assert 2 <= trial.result.wall_time_s < 3.5
    assert [attempt.outcome for attempt in attempts] == ["timeout"]
    time.sleep(1.5)
    stage.dispatcher.send_new(now=datetime.now(UTC))
    assert len(stage.cluster.store.trials.attempts(trial.id)) == 1, "it was tried again"


@pytest.mark.parametrize("stage", [{"STALL_S": "1"}], indirect=True, ids=["1 s"])
def test_a_training_that_hangs_under_a_beating_heart_is_killed_and_its_trial_lost(stage: Stage) -> None:
    trial, attempts = stage.until_ended(stage.trial())
    assert trial.state is TrialState.LOST, trial.result
    assert trial.result is not None
    assert trial.result.reason == "lost 2 times; the last time: no progress for 1 s"
    assert [(each.outcome, each.reason) for each in attempts] == [("lost", "no progress for 1 s")] * 2
