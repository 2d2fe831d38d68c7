"""Every way in which one attempt at a trial can end."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from backprop_evo.errors import InvalidEquation, Unavailable
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import IntermediateValue, TrainProgress, TrainResult
from backprop_evo.search.replay import replay_pruning
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from backprop_evo.store.trials import SqlTrials
from backprop_evo.training.run.rungs import Rungs
from tests.workers.rows import CONTROLLER, GOOD, Clock, add_trials, fail, give
from workers.attempt import Attempts, Ending


def until_told_to_stop(
    _trial: Any, _spec: Any, tell: Any, should_stop: Callable[[], bool], *_: Any
) -> TrainResult:
    deadline = time.monotonic() + 5
    while not should_stop():
        assert time.monotonic() < deadline, "nobody told the training to stop"
        tell(TrainProgress(0.5, 1.0, 2.3, None, 900.0, 3.0))
        time.sleep(0.01)
    return TrainResult(outcome=TrialState.CANCELLED, reason="stopped on request")


def test_a_result_is_recorded_once(attempts: Attempts, store: SqlStore, trial_id: str) -> None:
    assert attempts.run(trial_id) is Ending.FINISHED
    assert attempts.run(trial_id) is Ending.NOT_OURS
    trial = store.trials.get(trial_id)
    assert (trial.state, trial.fence, trial.result) == (TrialState.COMPLETED, 1, GOOD)
    assert len(store.trials.attempts(trial_id)) == 1


def test_an_unknown_trial_is_left_alone(attempts: Attempts) -> None:
    assert attempts.run("nobody") is Ending.NOT_OURS


def test_a_trial_another_worker_holds_is_left_alone(
    attempts: Attempts, store: SqlStore, trial_id: str, clock: Clock
) -> None:
    assert store.trials.claim(trial_id, "node/2-0", lease_s=60, now=clock())
    assert attempts.run(trial_id) is Ending.NOT_OURS
    assert store.trials.get(trial_id).worker == "node/2-0"


@pytest.mark.parametrize(
    "outcome", [TrialState.DIVERGED, TrialState.PRUNED, TrialState.OOM, TrialState.TIMEOUT]
)
def test_odd_outcomes_are_results(
    attempts: Attempts, store: SqlStore, trial_id: str, outcome: TrialState
) -> None:
    attempts.train = give(TrainResult(outcome=outcome, reason="why"))
    assert attempts.run(trial_id) is Ending.FINISHED
    trial = store.trials.get(trial_id)
    assert trial.state is outcome
    assert trial.result is not None
    assert trial.result.reason == "why"


def test_a_fault_is_tried_once_more_and_then_fails(
    attempts: Attempts, store: SqlStore, trial_id: str
) -> None:
    attempts.train = fail(RuntimeError("the tensor fell over\nsecond line"))
    assert attempts.run(trial_id) is Ending.RELEASED
    assert store.trials.get(trial_id).state is TrialState.QUEUED
    assert attempts.run(trial_id) is Ending.FINISHED
    trial = store.trials.get(trial_id)
    assert trial.state is TrialState.FAILED
    assert trial.result is not None
    assert trial.result.reason == "fault: RuntimeError: the tensor fell over"


def test_what_cannot_be_trained_fails_at_once(attempts: Attempts, store: SqlStore, trial_id: str) -> None:
    attempts.train = fail(InvalidEquation("infeasible equation: IN + OUT"))
    assert attempts.run(trial_id) is Ending.FINISHED
    trial = store.trials.get(trial_id)
    assert (trial.state, trial.fence) == (TrialState.FAILED, 1)


def test_the_soft_time_limit_is_a_timeout(attempts: Attempts, store: SqlStore, trial_id: str) -> None:
    attempts.train = fail(SoftTimeLimitExceeded())
    assert attempts.run(trial_id) is Ending.FINISHED
    assert store.trials.get(trial_id).state is TrialState.TIMEOUT


def test_a_training_that_hangs_is_given_up_although_its_heart_beats(
    attempts: Attempts, store: SqlStore, trial_id: str
) -> None:
    killed = threading.Event()

    def hang(_trial: Any, _spec: Any, tell: Any, *_: Any) -> TrainResult:
        for _ in range(5):
            time.sleep(0.1)
            assert not killed.is_set(), "it makes progress"
            tell(TrainProgress(0.5, 1.0, 2.3, None, 900.0, 3.0))
        assert killed.wait(5), "nobody gave it up"
        return GOOD

    attempts.train, attempts.end_process = hang, killed.set
    attempts.options = attempts.options.model_copy(update={"stall_s": 0.3})
    assert attempts.run(trial_id) is Ending.OVERTAKEN
    trial = store.trials.get(trial_id)
    assert (trial.state, trial.worker) == (TrialState.QUEUED, None)
    assert trial.not_before is not None
    (attempt,) = store.trials.attempts(trial_id)
    assert (attempt.outcome, attempt.reason) == ("lost", "no progress for 0.3 s")


def test_a_result_that_waits_for_the_database_does_not_hang(
    attempts: Attempts, store: SqlStore, trial_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = SqlTrials.finish
    deadline = time.monotonic() + 0.5

    def finish(*args: Any, **kwargs: Any) -> bool:
        if time.monotonic() < deadline:
            raise Unavailable("away")
        return really(*args, **kwargs)

    monkeypatch.setattr(SqlTrials, "finish", finish)
    killed = threading.Event()
    attempts.end_process = killed.set
    attempts.options = attempts.options.model_copy(update={"stall_s": 0.1})
    assert attempts.run(trial_id) is Ending.FINISHED
    assert not killed.is_set()


def test_the_settings_limit_the_time_of_every_training(
    attempts: Attempts, trial_id: str, options: Settings
) -> None:
    seen = []
    attempts.options = options.model_copy(update={"trial_time_limit_s": 7.0})
    attempts.train = lambda _trial, spec, *_: (seen.append(spec.time_limit_s), GOOD)[1]
    attempts.run(trial_id)
    assert seen == [7.0]


def test_a_cancelled_search_stops_its_running_trial(
    attempts: Attempts, store: SqlStore, search: SearchRecord, trial_id: str, clock: Clock
) -> None:
    attempts.train = until_told_to_stop
    timer = threading.Timer(0.15, lambda: store.searches.move(search.id, SearchState.CANCELLED, now=clock()))
    timer.start()
    assert attempts.run(trial_id) is Ending.OVERTAKEN
    timer.join()
    assert store.trials.get(trial_id).state is TrialState.CANCELLED


def test_live_numbers_reach_the_database(attempts: Attempts, store: SqlStore, trial_id: str) -> None:
    seen = []

    def train(_trial: Any, _spec: Any, tell: Any, *_: Any) -> TrainResult:
        tell(TrainProgress(0.5, 1.0, float("nan"), 0.25, 900.0, 3.0, "probe"))
        deadline = time.monotonic() + 5
        while not seen and time.monotonic() < deadline:
            seen.extend([store.trials.get(trial_id).progress] if store.trials.get(trial_id).progress else [])
            time.sleep(0.01)
        return GOOD

    attempts.train = train
    attempts.run(trial_id)
    assert seen == [
        {
            "epoch": 0.5,
            "epochs": 1.0,
            "validation_accuracy": 0.25,
            "images_per_s": 900.0,
            "eta_s": 3.0,
            "probing": 1.0,
        }
    ]


def test_a_drained_worker_gives_its_trial_back(attempts: Attempts, store: SqlStore, trial_id: str) -> None:
    attempts.train = until_told_to_stop
    attempts.drain.begin(0.1)
    assert attempts.run(trial_id) is Ending.RELEASED
    trial = store.trials.get(trial_id)
    assert (trial.state, trial.worker) == (TrialState.QUEUED, None)


def test_intermediate_values_are_stored_and_a_pruner_ends_the_training(
    attempts: Attempts, store: SqlStore, clock: Clock
) -> None:
    spec = PrunerSpec(name="median", rungs=(10,), min_trials=2, spared=0.0)
    store.searches.add(SearchSpec(name="pruned", pruner=spec), now=clock())
    search = store.searches.claim(CONTROLLER, lease_s=3600, now=clock())
    assert search is not None
    losses = iter((1.0, 1.2, 3.0))

    def train(_trial: Any, _spec: Any, _tell: Any, _stop: Any, rungs: Rungs) -> TrainResult:
        assert rungs.steps == (10,)
        assert rungs.judge is not None
        loss = next(losses)
        value = IntermediateValue(step=10, rung=0, validation_accuracy=0.2, train_loss=loss)
        reason = rungs.judge(value)
        if reason is None:
            return GOOD
        return TrainResult(outcome=TrialState.PRUNED, reason=reason, rung=0, curve=GOOD.curve)

    attempts.train = train
    ids = add_trials(store, search, 3, clock())
    assert [attempts.run(trial_id) for trial_id in ids] == [Ending.FINISHED] * 3
    ended = [store.trials.get(trial_id) for trial_id in ids]
    assert [each.state for each in ended] == [TrialState.COMPLETED] * 2 + [TrialState.PRUNED]
    assert ended[-1].result is not None
    assert ended[-1].result.rung == 0
    assert "rung 0 (step 10)" in (ended[-1].result.reason or "")
    stored = store.intermediates.of(search.id)
    assert replay_pruning(search.spec, stored) == tuple(each.judged for each in stored)
    assert stored[-1].judged.pruned == ended[-1].result.reason


@pytest.mark.parametrize(
    ("purpose", "screening", "screens"),
    [
        (Purpose.SEARCH, True, True),
        (Purpose.SEARCH, False, False),
        (Purpose.BASELINE, True, False),
        (Purpose.CONFIRMATION, True, False),
    ],
)
def test_only_trials_of_a_search_that_screens_are_looked_at_before_they_train(
    attempts: Attempts,
    store: SqlStore,
    clock: Clock,
    purpose: Purpose,
    screening: bool,
    screens: bool,
) -> None:
    store.searches.add(SearchSpec(name="screened", screening=screening), now=clock())
    search = store.searches.claim(CONTROLLER, lease_s=3600, now=clock())
    assert search is not None
    (trial_id,) = add_trials(store, search, 1, clock(), purpose=purpose)
    seen = []

    def train(_trial: Any, _spec: Any, _tell: Any, _stop: Any, rungs: Rungs) -> TrainResult:
        seen.append((rungs.screens, rungs.measures_accuracy))
        return TrainResult(outcome=TrialState.SCREENED, reason="screened out: nothing")

    attempts.train = train
    assert attempts.run(trial_id) is Ending.FINISHED
    assert seen == [(screens, False)]
    trial, counted = store.trials.get(trial_id), store.searches.get(search.id)
    assert (trial.state, trial.finish_order) == (TrialState.SCREENED, 1)
    assert (counted.trials_done, counted.screened_out) == (0, 1)
