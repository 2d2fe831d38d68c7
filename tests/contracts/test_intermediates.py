"""Intermediate values, on SQLite and PostgreSQL: through the lease alone, in one order, judged by those
before.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import IntermediateValue, TrainResult
from backprop_evo.search.replay import replay_pruning
from backprop_evo.service.pruning import report_value

DONE = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.5)
MEDIAN = PrunerSpec(name="median", rungs=(10, 20), min_trials=2, spared=0.0)


def value(loss, *, rung=0, accuracy=0.25):
    step = 15 if rung is None else 10 * (rung + 1)
    return IntermediateValue(step=step, rung=rung, validation_accuracy=accuracy, train_loss=loss)


@pytest.fixture
def search(scene):
    return scene.search(pruner=MEDIAN)


def report(scene, lease, of, pruner=MEDIAN):
    spec = SearchSpec(name="as the search has it", pruner=pruner)
    return report_value(scene.store, lease, spec, of, now=scene.now)


def test_a_value_comes_back_as_it_was_given(scene, search):
    trial_id = scene.trial(search)
    lease = scene.running(trial_id)
    assert report(scene, lease, value(2.25)) is None
    assert report(scene, lease, value(2.0, rung=None)) is None
    first, second = scene.store.intermediates.of(search.id)
    assert (first.trial_id, first.value, first.at, first.purpose) == (
        trial_id,
        value(2.25),
        scene.now,
        Purpose.SEARCH,
    )
    assert [first.report_order, second.report_order] == [1, 2]
    assert scene.store.intermediates.of(search.id, after=1) == [second]
    assert second.trial_id == trial_id
    other = scene.running(scene.trial(search), "node/1")
    assert report(scene, other, value(3.0)) is None
    assert list(scene.store.intermediates.of_trial(trial_id)) == [first, second]
    assert list(scene.store.intermediates.of_trial("nobody")) == []


def test_the_judgement_sees_what_was_stored_before_at_that_rung(scene, search):
    leases = [scene.running(scene.trial(search), f"node/{slot}") for slot in range(4)]
    answers = [
        report(scene, lease, value(loss)) for lease, loss in zip(leases, (1.0, 2.0, 9.0, 1.0), strict=True)
    ]
    assert [answer is None for answer in answers] == [True, True, False, True]
    assert report(scene, leases[0], value(99.0, rung=1)) is None
    stored = scene.store.intermediates.of(search.id)
    assert [each.judged.pruned for each in stored] == [*answers, None]
    assert replay_pruning(search.spec, stored) == tuple(each.judged for each in stored)


def test_whom_a_lot_let_go_on_is_told(scene, search):
    lenient = PrunerSpec(name="median", rungs=(10, 20), min_trials=2, spared=0.99)
    ids = [scene.trial(search) for _ in range(4)]
    leases = [scene.running(each, f"node/{slot}") for slot, each in enumerate(ids)]
    for lease, loss in zip(leases, (1.0, 2.0, 3.0, 5.0), strict=True):
        assert report(scene, lease, value(loss), lenient) is None
    (said,) = [each.judged.spared for each in scene.store.intermediates.of_trial(ids[3])]
    assert said is not None
    assert scene.store.intermediates.spared(ids)[ids[3]] == said
    assert ids[0] not in scene.store.intermediates.spared(ids)
    assert scene.store.intermediates.spared(ids[:1]) == {}
    assert scene.store.intermediates.spared([]) == {}


def test_a_value_of_a_second_attempt_keeps_its_first_judgement(scene, search):
    trial_id = scene.trial(search)
    first = scene.running(trial_id)
    assert report(scene, first, value(5.0)) is None
    scene.store.trials.release(first, now=scene.now, reason="its node is shutting down", retry=True)
    for slot in range(3):
        report(scene, scene.running(scene.trial(search), f"node/{slot}"), value(1.0))
    assert report(scene, scene.running(trial_id), value(5.0)) is None
    assert len(scene.store.intermediates.of(search.id)) == 4


def test_whoever_lost_the_lease_reports_nothing(scene, search):
    trial_id = scene.trial(search)
    lease = scene.running(trial_id)
    scene.store.trials.release(lease, now=scene.now, reason="its node is shutting down", retry=True)
    assert report(scene, lease, value(1.0)) is None
    assert scene.store.intermediates.of(search.id) == []


def test_a_finished_trial_reports_nothing_more(scene, search):
    trial_id = scene.trial(search)
    lease = scene.running(trial_id)
    assert scene.store.trials.finish(lease, DONE, now=scene.now)
    assert report(scene, lease, value(1.0)) is None
    assert scene.store.intermediates.of(search.id) == []


def test_reports_at_once_get_one_order_and_replay(scene, search):
    leases = [scene.running(scene.trial(search), f"node/{slot}") for slot in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda pair: report(scene, pair[1], value(1.0 + pair[0] % 5)), enumerate(leases)))
    stored = scene.store.intermediates.of(search.id)
    assert [each.report_order for each in stored] == list(range(1, 13))
    assert any(each.judged.pruned for each in stored)
    assert replay_pruning(search.spec, stored) == tuple(each.judged for each in stored)


def test_a_baseline_is_stored_but_never_pruned(scene, search):
    for slot in range(3):
        report(scene, scene.running(scene.trial(search), f"node/{slot}"), value(1.0))
    baseline = scene.running(scene.trial(search, purpose=Purpose.BASELINE), "node/9")
    assert report(scene, baseline, value(50.0)) is None
    assert scene.store.intermediates.of(search.id)[-1].purpose is Purpose.BASELINE


def test_what_a_lot_spared_is_stored_beside_what_was_pruned(scene):
    half = PrunerSpec(name="asha", rungs=(10, 20), min_trials=1, spared=0.5)
    search = scene.search(pruner=half)
    answers = [
        report(scene, scene.running(scene.trial(search), f"node/{slot}"), value(slot, accuracy=None), half)
        for slot in range(12)
    ]
    stored = scene.store.intermediates.of(search.id)
    assert [each.judged.pruned for each in stored] == answers
    assert any(answers)
    assert any(each.judged.spared for each in stored)
    assert [each.individual for each in stored] == list(range(12))
    assert {each.value.validation_accuracy for each in stored} == {None}
    assert replay_pruning(search.spec, stored) == tuple(each.judged for each in stored)


def test_a_finish_says_where_a_pruner_ended_it_and_nothing_of_a_guard(scene, search):
    trials = [scene.trial(search) for _ in range(4)]
    leases = [scene.running(trial, f"node/{slot}") for slot, trial in enumerate(trials)]
    for lease, loss in zip(leases[:3], (1.0, 2.0, 9.0), strict=True):
        report(scene, lease, value(loss, accuracy=None))
    ended = TrainResult(outcome=TrialState.PRUNED, relative_step=0.03)
    for lease, done in zip(leases, (DONE, ended, ended, ended), strict=True):
        assert scene.store.trials.finish(lease, done, now=scene.now)
    finishes = scene.store.trials.finishes(search.id)
    assert [each.pruned_at for each in finishes] == [None, None, value(9.0, accuracy=None), None]
    assert [each.relative_step for each in finishes] == [None, None, 0.03, None]
    assert [each.finish_order for each in finishes] == [1, 2, 3, 4]
