"""Rows for charts, on SQLite and PostgreSQL: in the order of finishing, with what each came to."""

import pytest

from backprop_evo.errors import NotFound
from backprop_evo.records.charting import AttemptSpan, FinishPoint, ProposalPoint, ValuePoint
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import IntermediateValue, TrainResult
from backprop_evo.service.pruning import report_value

PRUNER = PrunerSpec(name="median", rungs=(10, 20), min_trials=1, spared=0.0)


@pytest.fixture
def search(scene):
    return scene.search(pruner=PRUNER)


def pruned(scene, search, accuracy: float) -> str:
    """A trial whose only value was the worst at rung 0."""
    trial_id = scene.trial(search, equation="h")
    lease = scene.running(trial_id)
    worst = IntermediateValue(step=10, rung=0, validation_accuracy=accuracy, train_loss=9.0)
    assert report_value(scene.store, lease, search.spec, worst, now=scene.now) is not None
    ended = TrainResult(outcome=TrialState.PRUNED, validation_accuracy=accuracy)
    assert scene.store.trials.finish(lease, ended, now=scene.now)
    return trial_id


def test_a_finish_has_the_accuracy_of_its_end_and_the_rung_where_it_was_ended(scene, search):
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.25)
    first = scene.running(good := scene.trial(search, equation="g / fro(g)"))
    better = IntermediateValue(step=10, rung=0, validation_accuracy=0.2, train_loss=1.0)
    assert report_value(scene.store, first, search.spec, better, now=scene.now) is None
    assert scene.store.trials.finish(
        first, TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.5), now=scene.now
    )
    pruned(scene, search, 0.125)
    scene.finish(scene.trial(search), None)
    scene.running(scene.trial(search))
    points = scene.store.charts.finishes(search.id, limit=10)
    assert points == [
        FinishPoint(1, 0, "baseline", "completed", 0.25, None, "g"),
        FinishPoint(2, 1, "search", "completed", 0.5, None, "g / fro(g)"),
        FinishPoint(3, 2, "search", "pruned", 0.125, 0, "h"),
        FinishPoint(4, 3, "search", "diverged", None, None, "g"),
    ]
    assert scene.store.charts.finishes(search.id, after=1, limit=2) == points[1:3]
    assert scene.store.charts.finishes(search.id, after=4, limit=2) == []
    assert scene.store.charts.last_finish(search.id) == 4
    assert scene.store.charts.finish(search.id, 2).id == good
    assert scene.store.charts.completed(search.id, Purpose.SEARCH) == 1


def test_a_finish_that_was_not_is_not_found(scene, search):
    scene.running(scene.trial(search))
    assert scene.store.charts.last_finish(search.id) == 0
    with pytest.raises(NotFound, match="1th"):
        scene.store.charts.finish(search.id, 1)


def test_attempts_come_with_their_workers_and_the_open_ones_have_no_end(scene, search):
    began = scene.now
    first, second, waiting = (scene.trial(search) for _ in range(3))
    lease = scene.running(first, "node/0")
    scene.later(5)
    middle = scene.now
    scene.running(second, "node/1")
    assert scene.store.trials.finish(lease, TrainResult(outcome=TrialState.COMPLETED), now=scene.now)
    spans = scene.store.charts.attempts(search.id, limit=10)
    done = AttemptSpan(first, 0, "node/0", began, middle, "completed")
    still = AttemptSpan(second, 1, "node/1", middle, None, None)
    assert list(spans) == [done, still]
    assert waiting not in {each.trial_id for each in spans}
    assert scene.store.charts.attempts(search.id, limit=1) == [still]
    assert scene.store.charts.attempts(limit=10) == [done, still]
    scene.later(5)
    assert scene.store.charts.attempts(search.id, limit=10, since=scene.now) == [still]
    assert scene.store.charts.attempts(search.id, limit=10, since=middle) == [done, still]


def test_values_are_those_of_the_trials_asked_for_in_the_order_of_steps(scene, search):
    lease, other = (scene.running(scene.trial(search), f"node/{slot}") for slot in range(2))
    for step, rung in ((10, 0), (15, None)):
        value = IntermediateValue(step=step, rung=rung, validation_accuracy=0.25, train_loss=2.0)
        report_value(scene.store, lease, search.spec, value, now=scene.now)
        report_value(scene.store, other, search.spec, value, now=scene.now)
    assert scene.store.charts.values([lease.trial_id]) == [
        ValuePoint(lease.trial_id, 10, 0, 0.25, 2.0),
        ValuePoint(lease.trial_id, 15, None, 0.25, 2.0),
    ]
    assert len(scene.store.charts.values([lease.trial_id, other.trial_id])) == 4
    assert scene.store.charts.values([]) == []


def test_trainings_of_a_behaviour_are_found_over_all_searches_or_some(scene, search):
    other = scene.search("another")
    first, second = scene.trial(search), scene.trial(other)
    scene.running(scene.trial(search, of=0, suffix="-again"))
    scene.finish(first, 0.25, test_accuracy=0.125)
    scene.finish(second, None)
    newest, oldest = scene.store.charts.trained("behaviour 0", limit=10)
    assert (oldest.trial_id, oldest.search_id, oldest.purpose) == (first, search.id, "search")
    assert (oldest.validation_accuracy, oldest.test_accuracy, oldest.seed) == (0.25, 0.125, 2**62)
    assert oldest.train == search.spec.train
    assert (newest.trial_id, newest.state, newest.validation_accuracy) == (second, "diverged", None)
    assert scene.store.charts.trained("behaviour 0", limit=1) == [newest]
    assert scene.store.charts.trained("behaviour 0", limit=10, search_ids=[search.id]) == [oldest]
    assert scene.store.charts.trained("behaviour 9", limit=10) == []


def test_proposals_come_by_number_with_the_fitness_they_have(scene, search):
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.25)
    scene.finish(scene.trial(search), 0.5)
    scene.finish(scene.trial(search), None)
    scene.trial(search)
    points = scene.store.charts.proposals(search.id, limit=10)
    assert points == [
        ProposalPoint(0, "baseline", None, 0.25),
        ProposalPoint(1, "random", None, 0.5),
        ProposalPoint(2, "random", None, None),
        ProposalPoint(3, "random", None, None),
    ]
    assert scene.store.charts.proposals(search.id, after=1, limit=1) == points[2:3]
    assert scene.store.charts.proposals("nobody", limit=10) == []
