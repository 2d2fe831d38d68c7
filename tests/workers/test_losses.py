"""What becomes of a trial whose worker or lease is lost, and of a result that waits for the database."""

from dataclasses import replace
from typing import Any

import pytest

from backprop_evo.errors import Unavailable
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import TrainResult
from backprop_evo.store.sql import SqlStore
from backprop_evo.store.trials import SqlTrials
from tests.workers.rows import GOOD, Clock, add_trials, fail, give
from workers.attempt import Attempts, Ending


def test_whoever_lost_the_lease_writes_nothing(
    attempts: Attempts, store: SqlStore, trial_id: str, clock: Clock
) -> None:
    def train(*_: Any) -> TrainResult:
        clock.move(3601)
        assert store.trials.expire(now=clock(), policy=RetryPolicy(max_attempts=3)) == [trial_id]
        lease = store.trials.claim(trial_id, "node/2-0", lease_s=60, now=clock())
        assert lease is not None
        assert store.trials.finish(lease, replace(GOOD, validation_accuracy=0.6), now=clock())
        return GOOD

    attempts.train = train
    attempts.options = attempts.options.model_copy(update={"heartbeat_s": 30.0})
    assert attempts.run(trial_id) is Ending.OVERTAKEN
    result = store.trials.get(trial_id).result
    assert result is not None
    assert result.validation_accuracy == 0.6
    assert store.searches.get(store.trials.get(trial_id).search_id).trials_done == 1


def test_a_dead_predecessor_of_the_same_slot_is_replaced_after_a_pause(
    attempts: Attempts, store: SqlStore, trial_id: str, clock: Clock
) -> None:
    assert store.trials.claim(trial_id, "node/1-0", lease_s=60, now=clock())
    assert attempts.run(trial_id) is Ending.NOT_YET
    clock.move(1.9)
    assert attempts.run(trial_id) is Ending.NOT_YET
    clock.move(0.2)
    assert attempts.run(trial_id) is Ending.FINISHED
    outcomes = [(attempt.fence, attempt.outcome) for attempt in store.trials.attempts(trial_id)]
    assert outcomes == [(1, "lost"), (2, "completed")]


def test_an_equation_that_kills_its_worker_every_time_ends(
    attempts: Attempts, store: SqlStore, trial_id: str, clock: Clock
) -> None:
    for _ in range(3):
        assert store.trials.claim(trial_id, "node/1-0", lease_s=60, now=clock())  # and the process dies
        attempts.run(trial_id)
        clock.move(60)
    assert attempts.run(trial_id) is Ending.NOT_OURS
    trial = store.trials.get(trial_id)
    assert (trial.state, trial.fence) == (TrialState.LOST, 3)
    assert trial.result is not None
    assert trial.result.reason == "lost 3 times; the last time: its worker process died (out of memory?)"


@pytest.mark.parametrize(
    ("others", "waited_s", "ending"),
    [
        ((), 2, Ending.FINISHED),
        (("node",), 2, Ending.FINISHED),
        (("node", "elsewhere"), 2, Ending.NOT_YET),
        (("node", "elsewhere"), 31, Ending.NOT_YET),
        (("node", "elsewhere"), 32, Ending.FINISHED),
    ],
)
def test_the_node_that_lost_a_trial_leaves_it_to_others_that_live_for_a_while(
    attempts: Attempts,
    store: SqlStore,
    trial_id: str,
    clock: Clock,
    others: tuple[str, ...],
    waited_s: float,
    ending: Ending,
) -> None:
    assert store.trials.claim(trial_id, "node/1-0", lease_s=60, now=clock())
    assert attempts.run(trial_id) is Ending.NOT_YET
    clock.move(waited_s)
    for name in others:
        store.nodes.record_heartbeat(
            NodeRecord(
                name=name, slots=1, devices=("cpu",), code_version="0", started_at=clock(), seen_at=clock()
            )
        )
    assert attempts.run(trial_id) is ending


def test_another_node_takes_a_lost_trial_as_soon_as_it_is_due(
    attempts: Attempts, store: SqlStore, trial_id: str, clock: Clock
) -> None:
    assert store.trials.claim(trial_id, "gone/1-0", lease_s=60, now=clock())
    clock.move(61)
    assert store.trials.expire(now=clock(), policy=attempts.options.retry_policy) == [trial_id]
    assert attempts.run(trial_id) is Ending.NOT_YET
    clock.move(2)
    assert attempts.run(trial_id) is Ending.FINISHED


def test_a_trial_that_was_given_back_waits_for_nothing(
    attempts: Attempts, store: SqlStore, trial_id: str
) -> None:
    attempts.train = fail(RuntimeError("once"))
    assert attempts.run(trial_id) is Ending.RELEASED
    attempts.train = give(GOOD)
    assert attempts.run(trial_id) is Ending.FINISHED


def test_a_database_that_is_away_for_a_while_loses_no_result(
    attempts: Attempts, store: SqlStore, trial_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = SqlTrials.finish
    refusals = [Unavailable("away"), Unavailable("still away")]

    def finish(*args: Any, **kwargs: Any) -> bool:
        if refusals:
            raise refusals.pop()
        return really(*args, **kwargs)

    monkeypatch.setattr(SqlTrials, "finish", finish)
    assert attempts.run(trial_id) is Ending.FINISHED
    assert store.trials.get(trial_id).state is TrialState.COMPLETED


def test_a_slot_that_claims_another_trial_gives_up_what_its_dead_predecessor_held(
    attempts: Attempts, store: SqlStore, search: SearchRecord, clock: Clock
) -> None:
    held, other = add_trials(store, search, 2, clock())
    lease = store.trials.claim(held, "node/1-0", lease_s=60, now=clock())
    assert lease is not None
    assert store.trials.start(lease, now=clock())  # and the process dies
    assert attempts.run(other) is Ending.FINISHED
    back = store.trials.get(held)
    assert (back.state, back.worker) == (TrialState.QUEUED, None)
    clock.move(3)
    assert store.queue.unsent(queued_before=clock()) == [held]
    assert attempts.run(held) is Ending.FINISHED


def test_a_slot_gives_up_nothing_of_its_neighbours(
    attempts: Attempts, store: SqlStore, search: SearchRecord, clock: Clock
) -> None:
    trials = add_trials(store, search, 3, clock())
    for trial_id, worker in zip(trials, ("node/1-1", "node/1-00", "node/2-0"), strict=True):
        assert store.trials.claim(trial_id, worker, lease_s=60, now=clock())
    attempts.lose_predecessor()
    assert {store.trials.get(each).state for each in trials} == {TrialState.LEASED}
