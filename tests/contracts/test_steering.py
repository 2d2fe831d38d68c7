"""The contract of what people change in what runs, over SQLite and PostgreSQL: retries, equations put in."""

import pytest

from backprop_evo.errors import Conflict, IllegalTransition, NotFound, PreconditionFailed
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import equation_method
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.steering import MAX_WAITING, Injection
from backprop_evo.records.stored import IndividualRecord, Origin
from backprop_evo.records.training import TrainResult

ONCE = RetryPolicy(max_attempts=1)


def lose(scene, trial_id):
    lease = scene.running(trial_id)
    assert scene.store.trials.lose(lease, now=scene.now, reason="gone", policy=ONCE)


def fail(scene, trial_id, outcome=TrialState.FAILED):
    lease = scene.running(trial_id)
    assert scene.store.trials.finish(lease, TrainResult(outcome=outcome, reason="no data"), now=scene.now)


@pytest.mark.parametrize("outcome", [TrialState.FAILED, TrialState.OOM, TrialState.TIMEOUT])
@pytest.mark.parametrize("purpose", [Purpose.SEARCH, Purpose.BASELINE])
def test_a_failed_trial_is_tried_again_and_both_ends_are_heard(scene, outcome, purpose):
    search = scene.search()
    trial = scene.trial(search, purpose=purpose)
    fail(scene, trial, outcome)
    version = scene.store.searches.get(search.id).version
    waiting = scene.store.retries.add(trial, now=scene.now)
    assert (waiting.state, waiting.finish_order, waiting.result) == (TrialState.QUEUED, None, None)
    found = scene.store.searches.get(search.id)
    assert (found.retries, found.trials_done, found.version) == (1, 0, version + 1)
    scene.finish(trial, 0.75)
    first, second = scene.store.trials.finishes(search.id)
    assert (first.state, first.finish_order, first.validation_accuracy) == (outcome, 1, None)
    assert (second.state, second.finish_order, second.validation_accuracy) == (TrialState.COMPLETED, 2, 0.75)
    assert scene.store.trials.finishes(search.id, after=1) == [second]
    assert scene.store.trials.finishes(search.id, limit=1) == [first]
    found = scene.store.searches.get(search.id)
    assert found.trials_done == (purpose is Purpose.SEARCH)
    assert [each.fence for each in scene.store.trials.attempts(trial)] == [1, 2]
    (kept,) = scene.store.retries.of(trial)
    assert (kept.state, kept.reason, kept.finish_order) == (outcome, "no data", 1)
    assert [row.individual for row in scene.store.leaderboard.page(search.id).items] == [0]


def test_a_lost_trial_may_be_lost_as_often_as_at_first(scene):
    search, policy = scene.search(), RetryPolicy(max_attempts=2, delay_s=0.0)
    trial = scene.trial(search)
    for _ in range(2):
        lease = scene.running(trial)
        scene.store.trials.lose(lease, now=scene.now, reason="gone", policy=policy)
    assert scene.store.trials.get(trial).state is TrialState.LOST
    scene.store.retries.add(trial, now=scene.now)
    scene.store.trials.lose(scene.running(trial), now=scene.now, reason="gone", policy=policy)
    assert scene.store.trials.get(trial).state is TrialState.QUEUED
    scene.store.trials.lose(scene.running(trial), now=scene.now, reason="gone", policy=policy)
    assert scene.store.trials.get(trial).state is TrialState.LOST
    scene.store.retries.add(trial, now=scene.now)
    assert [each.finish_order for each in scene.store.trials.finishes(search.id)] == [1, 2]


def test_asking_twice_is_asking_once(scene):
    search = scene.search()
    trial = scene.trial(search)
    lose(scene, trial)
    once = scene.store.retries.add(trial, now=scene.now)
    assert scene.store.retries.add(trial, now=scene.later(1)) == once
    assert scene.store.searches.get(search.id).retries == 1


@pytest.mark.parametrize("accuracy", [0.5, None])
def test_a_result_stands(scene, accuracy):
    search = scene.search()
    trial = scene.trial(search)
    with pytest.raises(Conflict, match="is queued"):
        scene.store.retries.add(trial, now=scene.now)
    scene.finish(trial, accuracy)
    with pytest.raises(Conflict, match="only one that ended as"):
        scene.store.retries.add(trial, now=scene.now)
    with pytest.raises(NotFound, match="no trial 'x'"):
        scene.store.retries.add("x", now=scene.now)
    assert scene.store.searches.get(search.id).retries == 0


@pytest.mark.parametrize(
    ("ended", "again"),
    [
        (SearchState.COMPLETED, SearchState.RUNNING),
        (SearchState.STOPPED, SearchState.STOPPING),
        (SearchState.FAILED, SearchState.RUNNING),
    ],
)
def test_what_has_ended_runs_again_for_it(scene, ended, again):
    search = scene.search()
    trial = scene.trial(search)
    fail(scene, trial)
    if ended is SearchState.STOPPED:
        scene.store.searches.move(search.id, SearchState.STOPPING, now=scene.now)
    scene.store.searches.move(search.id, ended, now=scene.now, reason="none of its trials came to a result")
    scene.store.retries.add(trial, now=scene.now)
    found = scene.store.searches.get(search.id)
    assert (found.state, found.ended_at, found.end_reason, found.failure) == (again, None, None, None)
    assert scene.store.searches.claim("c", lease_s=60, now=scene.now).id == search.id
    scene.running(trial)


def test_what_was_given_up_stays_so(scene):
    search = scene.search()
    failed, still_open = scene.trial(search), scene.trial(search)
    fail(scene, failed)
    scene.store.searches.move(search.id, SearchState.FAILED, now=scene.now, reason="odd")
    with pytest.raises(Conflict, match="cancelled with it"):
        scene.store.retries.add(failed, now=scene.now)
    with pytest.raises(Conflict, match="is cancelled"):
        scene.store.retries.add(still_open, now=scene.now)
    other = scene.search("cancelled")
    failed = scene.trial(other)
    fail(scene, failed)
    scene.store.searches.move(other.id, SearchState.CANCELLED, now=scene.now)
    with pytest.raises(IllegalTransition, match="'retry'"):
        scene.store.retries.add(failed, now=scene.now)
    assert scene.store.trials.get(failed).state is TrialState.FAILED


def test_out_again_are_those_without_an_end_for_who_has_heard_so_much(scene):
    search = scene.search()
    trial, other = scene.trial(search), scene.trial(search)
    fail(scene, trial)
    scene.finish(other)
    assert list(scene.store.retries.out_again(search.id, heard=2)) == []
    scene.store.retries.add(trial, now=scene.now)
    assert list(scene.store.retries.out_again(search.id, heard=2)) == [trial]
    scene.finish(trial)
    assert list(scene.store.retries.out_again(search.id, heard=2)) == [trial]
    assert list(scene.store.retries.out_again(search.id, heard=3)) == []


def test_a_trial_of_an_evaluation_is_tried_again(scene):
    spec = EvaluationSpec(name="e", methods=(equation_method("g / fro(g)"),), seeds=1)
    evaluation = scene.store.evaluations.add(spec, now=scene.now)
    assert scene.store.evaluations.claim("c", lease_s=60, now=scene.now).id == evaluation.id
    trial = scene.trial(_as_search(evaluation), purpose=Purpose.EVALUATION)
    fail(scene, trial)
    scene.store.evaluations.move(evaluation.id, SearchState.COMPLETED, now=scene.now)
    scene.store.retries.add(trial, now=scene.now)
    assert scene.store.evaluations.get(evaluation.id).state is SearchState.RUNNING
    assert scene.store.evaluations.get(evaluation.id).trials_done == 0
    scene.finish(trial, 0.5)
    (outcome,) = scene.store.evaluations.outcomes(evaluation.id)
    assert (outcome.state, outcome.validation_accuracy) == (TrialState.COMPLETED, 0.5)


class _as_search:  # noqa: N801 - what ``Scene.trial`` reads of a search
    def __init__(self, evaluation):
        self.id, self.spec = evaluation.id, self
        self.train = evaluation.spec.settings[0].train


def read(equation, hopeless=None):
    return Injection(equation=equation, fingerprint=f"behaves as {equation}", hopeless=hopeless)


def individual(search, number, equation, **rest):
    values = {
        "search_id": search.id,
        "number": number,
        "origin": Origin.INJECTED,
        "method": equation_method(equation),
        "canonical": equation,
        "fingerprint": f"behaves as {equation}",
        "parent": None,
        "twin": None,
        "mutation": None,
        "finishes_known": 0,
        "created_at": search.created_at,
    }
    return IndividualRecord(**(values | rest))


def test_equations_wait_in_their_order_until_they_are_proposed(scene):
    search = scene.search()
    found = scene.store.injections.add(search.id, [read("g"), read("h", "hopeless")], now=scene.now)
    assert (found.injections, found.version) == (2, search.version + 1)
    scene.store.injections.add(search.id, [read("g * h")], now=scene.now)
    first, second, third = scene.store.injections.of(search.id)
    assert [each.place for each in (first, second, third)] == [1, 2, 3]
    assert first.outcome == third.outcome == "waits for its place"
    assert second.outcome == "will be left untrained: hopeless"
    proposed = [individual(search, 0, "g"), individual(search, 1, "h", screened_out="hopeless")]
    scene.store.individuals.record(search.id, "c", proposed, [], now=scene.now)
    told = [each.outcome for each in scene.store.injections.of(search.id)]
    assert told == [
        "individual 0, proposed",
        "is left untrained: hopeless",
        "waits for its place",
    ]
    assert [each.equation for each in scene.store.injections.of(search.id, after=2)] == ["g * h"]
    assert scene.kinds(search_id=search.id).count("search.injected") == 2


def test_a_twin_is_told_before_it_is_proposed_and_after(scene):
    search = scene.search()
    scene.store.individuals.record(
        search.id, "c", [individual(search, 0, "g", origin=Origin.RANDOM)], [], now=scene.now
    )
    scene.store.injections.add(search.id, [read("g")], now=scene.now)
    (waiting,) = scene.store.injections.of(search.id)
    assert waiting.outcome == "behaves as individual 0, whose fitness it will inherit"
    scene.store.individuals.record(search.id, "c", [individual(search, 1, "g", twin=0)], [], now=scene.now)
    (placed,) = scene.store.injections.of(search.id)
    assert (placed.individual, placed.outcome) == (1, "behaves as individual 0, whose fitness it inherits")


def test_no_more_equations_than_the_budget_has_room_for(scene):
    search = scene.search(trials=2)
    scene.trial(search)
    with pytest.raises(Conflict, match=r"room for 1 more .* ask for 2") as refused:
        scene.store.injections.add(search.id, [read("g"), read("h")], now=scene.now)
    assert "extend it by 1" in refused.value.hint
    scene.store.injections.add(search.id, [read("g"), read("g"), read("x", "hopeless")], now=scene.now)
    with pytest.raises(Conflict, match="room for 1 more"):
        scene.store.injections.add(search.id, [read("h")], now=scene.now)
    assert len(scene.store.injections.of(search.id)) == 3


def test_no_more_equations_wait_than_may(scene):
    search = scene.search(trials=10_000)
    for _ in range(MAX_WAITING // 200):
        scene.store.injections.add(search.id, [read("g", "hopeless")] * 200, now=scene.now)
    with pytest.raises(Conflict, match="at most 1000 may"):
        scene.store.injections.add(search.id, [read("g")], now=scene.now)


def test_nothing_is_put_into_what_has_ended_or_moved_on(scene):
    search = scene.search()
    with pytest.raises(PreconditionFailed):
        scene.store.injections.add(search.id, [read("g")], now=scene.now, expected_version=search.version - 1)
    scene.store.searches.move(search.id, SearchState.COMPLETED, now=scene.now)
    with pytest.raises(IllegalTransition, match="'inject'"):
        scene.store.injections.add(search.id, [read("g")], now=scene.now)
    with pytest.raises(NotFound):
        scene.store.injections.add("x", [read("g")], now=scene.now)
    assert scene.store.injections.of(search.id) == []
