"""The log of a trial: what is stored of it, line by line, growing."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import IntermediateValue
from backprop_evo.service.trial_logs import log_of
from backprop_evo.store.base import Judged


def texts(seed: Any, trial_id: str) -> list[str]:
    return [line.text for line in log_of(seed.store, trial_id)[1]]


def trial_in(seed: Any, state: TrialState) -> str:
    return str(seed.store.trials.page(seed.search_id, choice=TrialChoice(state=state)).items[0].id)


def test_a_trial_that_waits_has_one_line(client: TestClient, seed: Any) -> None:
    waiting = trial_in(seed, TrialState.QUEUED)
    answer = client.get(f"/api/v1/trials/{waiting}/log").json()
    assert answer["has_ended"] is False
    assert [line["text"] for line in answer["items"]] == ["queued, purpose search, seed 0"]
    assert answer["items"][0]["attempt"] is None


def test_the_end_is_told_with_its_numbers(client: TestClient, seed: Any) -> None:
    answer = client.get(f"/api/v1/trials/{trial_in(seed, TrialState.DIVERGED)}/log").json()
    assert answer["has_ended"] is True
    assert answer["items"][-1]["text"] == "diverged: 0 epochs in 0 s, the loss is NaN"
    completed = texts(seed, trial_in(seed, TrialState.COMPLETED))
    assert completed[-1] == "completed: validation 33.8 %, learning rate 0.1, 4 epochs in 16 s"


def test_it_grows_by_attempts_and_values(seed: Any) -> None:
    trial_id = trial_in(seed, TrialState.QUEUED)
    store, policy = seed.store, RetryPolicy(max_attempts=3, delay_s=1.0)
    seen = [texts(seed, trial_id)]
    lease = store.trials.claim(trial_id, "node-a/0", lease_s=60, now=seed.tick())
    store.trials.start(lease, now=seed.tick())
    seen.append(texts(seed, trial_id))
    for step, judged in ((10, Judged()), (20, Judged(spared="its lot let it go on"))):
        value = IntermediateValue(step=step, rung=step // 10 - 1, validation_accuracy=0.25, train_loss=2.0)
        store.intermediates.report(lease, value, judge=lambda *_, told=judged: told, now=seed.tick())
        seen.append(texts(seed, trial_id))
    assert store.trials.lose(lease, now=seed.tick(), reason="killed", policy=policy)
    seen.append(texts(seed, trial_id))
    again = store.trials.claim(trial_id, "node-b/0", lease_s=60, now=seed.now + timedelta(hours=1))
    assert again is not None
    seen.append(texts(seed, trial_id))
    for before, after in pairwise(seen):
        assert after[: len(before)] == before
        assert len(after) > len(before)
    assert seen[-1] == [
        "queued, purpose search, seed 0",
        "attempt 1 begins on node-a/0",
        "step 10, rung 0: training loss 2, validation 25.0 %",
        "step 20, rung 1: training loss 2, validation 25.0 %; spared: its lot let it go on",
        "attempt 1 ended: lost: killed",
        "attempt 2 begins on node-b/0",
    ]
    assert [line.attempt for line in log_of(store, trial_id)[1]] == [None, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("trial", ["nobody", "a" * 200])
def test_no_trial_no_log(client: TestClient, trial: str) -> None:
    assert client.get(f"/api/v1/trials/{trial}/log").status_code in (404, 422)
