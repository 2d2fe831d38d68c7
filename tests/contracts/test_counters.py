"""Counters tell what counting would, whatever ends, is tried again, moves to another setting or goes."""

from __future__ import annotations

import pytest

from backprop_evo.errors import NotFound
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import TrainResult
from tests.contracts import counting
from tests.contracts.confirming import SPEC, confirm, measured, order

NEW = setting_id(SPEC.settings[0].train)


@pytest.fixture
def search(scene):
    return measured(scene)


def results(scene, setting):
    return {each.id: each.results for each in scene.store.leaderboard.settings().items}.get(setting, 0)


def test_trials_are_counted_by_how_they_ended_until_they_are_tried_again(scene, search):
    scene.finish(scene.trial(search), None)
    failing = scene.trial(search)
    failed = TrainResult(outcome=TrialState.FAILED, reason="no data")
    assert scene.store.trials.finish(scene.running(failing), failed, now=scene.now)
    waiting = [scene.trial(search), scene.trial(search)]
    scene.running(waiting[0])
    counting.check(scene.store)
    of_each = {TrialState.COMPLETED: 2, TrialState.DIVERGED: 1}
    still_open = {TrialState.QUEUED: 1, TrialState.RUNNING: 1}
    assert scene.store.statistics.count().trials == {**of_each, TrialState.FAILED: 1, **still_open}
    scene.store.retries.add(failing, now=scene.now)
    counting.check(scene.store)
    assert scene.store.statistics.count().trials == {**of_each, **still_open, TrialState.QUEUED: 2}
    scene.store.searches.move(search.id, SearchState.CANCELLED, now=scene.now)
    counting.check(scene.store)
    assert scene.store.statistics.count().trials == {**of_each, TrialState.CANCELLED: 3}


def test_a_confirmed_row_counts_in_the_setting_of_its_confirmation_until_a_seed_fails(scene, search):
    own, ordered = setting_id(search.spec.train), order(scene, search)
    assert (results(scene, own), results(scene, NEW)) == (2, 0)
    confirm(scene, ordered, 1, *[(0.9, 0.9)] * 3)
    confirm(scene, ordered, 2, *[(0.4, 0.4)] * 3, behaviour="of a control")
    counting.check(scene.store)
    assert (results(scene, own), results(scene, NEW)) == (1, 2)
    assert scene.store.leaderboard.setting(NEW).results == 2
    scene.store.evaluations.extend(ordered.id, seeds=2, now=scene.now)
    more = [(0.9, 0.9)] * 3
    confirm(scene, ordered, 1, *more, None, (0.9, 0.9))
    confirm(scene, ordered, 2, *more, None, (0.9, 0.9), behaviour="of a control")
    counting.check(scene.store)
    assert (results(scene, own), results(scene, NEW)) == (2, 0)
    with pytest.raises(NotFound):
        scene.store.leaderboard.setting(NEW)


def test_confirming_twice_counts_once(scene, search):
    ordered = order(scene, search)
    confirm(scene, ordered, 1, *[(0.9, 0.9)] * 3)
    scene.store.evaluations.extend(ordered.id, seeds=1, now=scene.now)
    confirm(scene, ordered, 1, *[(0.9, 0.9)] * 4)
    counting.check(scene.store)
    assert results(scene, NEW) == 1


def test_a_behaviour_that_learned_nothing_the_second_time_is_counted_no_longer(scene, search):
    again = scene.trial(search, of=1, purpose=Purpose.REMEASUREMENT, suffix=".again")
    scene.finish(again, None)
    counting.check(scene.store)
    assert results(scene, setting_id(search.spec.train)) == 1


def test_what_is_deleted_is_counted_no_longer(scene, search):
    confirm(scene, order(scene, search), 1, *[(0.9, 0.9)] * 3)
    scene.store.searches.move(search.id, SearchState.CANCELLED, now=scene.now)
    scene.store.searches.delete(search.id, now=scene.now)
    counting.check(scene.store)
    assert counting.ended_trials(scene.store) == ({}, {})
    assert (scene.store.statistics.count().trials, scene.store.leaderboard.settings().items) == ({}, ())
