"""The evaluation that a search orders: once, moved with the search, told on its leaderboard."""

import statistics
from dataclasses import replace

import pytest

from backprop_evo.errors import Conflict, PreconditionFailed
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from backprop_evo.search.lifecycle import VERBS
from tests.contracts.confirming import PLACEBO, SPEC, confirm, measured, order


@pytest.fixture
def search(scene):
    """A search with a baseline of 0.5, an equation of 0.6, and one of 0.99 that is no finalist."""
    search = measured(scene)
    scene.finish(scene.trial(search, equation="g * dh"), 0.99)
    return search


def board(scene, search):
    return {row.fingerprint: row for row in scene.store.leaderboard.page(search.id).items}


def test_a_search_orders_it_once(scene, search):
    ordered = order(scene, search)
    assert order(scene, search) == ordered
    assert (ordered.search_id, ordered.role) == (search.id, Role.CONFIRMATION)
    assert (ordered.spec, ordered.trials_total) == (SPEC, 9)
    assert scene.store.evaluations.stages_of(search.id) == {Role.CONFIRMATION: ordered}
    assert list(scene.store.evaluations.of_search(search.id)) == [ordered]
    kinds = [event.kind for event in scene.store.events.after(limit=100)]
    assert (kinds.count("evaluation.queued"), kinds.count("search.confirming")) == (1, 1)


def test_an_evaluation_of_nobody_belongs_to_no_search(scene, search):
    free = scene.store.evaluations.add(SPEC, now=scene.now)
    moved = scene.store.evaluations.add(SPEC, now=scene.now, search_id=search.id, role=Role.TRANSFER)
    assert (free.search_id, free.role) == (None, None)
    assert list(scene.store.evaluations.of_search(search.id)) == [moved]
    assert scene.store.evaluations.stages_of(search.id) == {}


def test_only_the_controller_of_a_running_search_orders(scene, search):
    with pytest.raises(Conflict, match="driven by c, not by d"):
        scene.store.evaluations.order(search.id, "d", Role.CONFIRMATION, SPEC, now=scene.now)
    with pytest.raises(PreconditionFailed):
        order(scene, search, expected_version=search.version - 1)
    scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
    with pytest.raises(Conflict, match="is paused: nothing is ordered"):
        order(scene, search)
    assert list(scene.store.evaluations.of_search(search.id)) == []


def test_more_methods_come_behind_the_others_and_let_it_run_again(scene, search):
    ordered = order(scene, search)
    scene.store.evaluations.claim("c", lease_s=60, now=scene.now)
    scene.store.evaluations.move(ordered.id, SearchState.COMPLETED, now=scene.now)
    wider = replace(SPEC, methods=(*SPEC.methods, equation_method("g * dh")))
    more = order(scene, search, wider)
    assert (more.state, more.spec, more.trials_total) == (SearchState.RUNNING, wider, 12)
    assert (more.seeds, more.extensions) == (3, 0)
    assert order(scene, search, wider) == more
    with pytest.raises(Conflict, match="holds other methods"):
        order(scene, search, SPEC)


def test_one_that_was_cancelled_stays_so(scene, search):
    ordered = order(scene, search)
    scene.store.evaluations.move(ordered.id, SearchState.CANCELLED, now=scene.now)
    wider = replace(SPEC, methods=(*SPEC.methods, equation_method("g * dh")))
    assert order(scene, search, wider).state is SearchState.CANCELLED


@pytest.mark.parametrize(
    ("to", "becomes"),
    [
        (SearchState.PAUSED, SearchState.PAUSED),
        (SearchState.STOPPING, SearchState.STOPPING),
        (SearchState.CANCELLED, SearchState.CANCELLED),
        (SearchState.FAILED, SearchState.CANCELLED),
        (SearchState.COMPLETED, SearchState.QUEUED),
    ],
)
def test_it_moves_with_its_search(scene, search, to, becomes):
    ordered = order(scene, search)
    scene.store.searches.move(search.id, to, now=scene.now)
    assert scene.store.evaluations.get(ordered.id).state is becomes


def test_it_goes_on_with_its_search_and_never_begins_again_by_that(scene, search):
    store, verb = scene.store, VERBS["resume"]
    ordered = order(scene, search)
    store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
    store.searches.apply_verb(verb, search.id, now=scene.now)
    assert store.evaluations.get(ordered.id).state is SearchState.RUNNING
    store.evaluations.move(ordered.id, SearchState.COMPLETED, now=scene.now)
    store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
    store.searches.apply_verb(verb, search.id, now=scene.now)
    assert store.evaluations.get(ordered.id).state is SearchState.COMPLETED


def test_a_confirmed_row_shows_mean_deviation_and_number_over_new_seeds_and_the_test_split(scene, search):
    confirm(scene, order(scene, search), 1, (0.5, 0.4), (0.6, 0.45), (0.8, 0.41))
    row = board(scene, search)["behaviour 1"]
    assert (row.confirmed, row.search_fitness.mean, row.validation.n, row.test.n) == (True, 0.6, 3, 3)
    assert row.validation.mean == pytest.approx(statistics.mean([0.5, 0.6, 0.8]))
    assert row.validation.std == pytest.approx(statistics.stdev([0.5, 0.6, 0.8]))
    assert row.test.mean == pytest.approx(statistics.mean([0.4, 0.45, 0.41]))
    assert row.train_time_s == 12.0
    assert (row.individual, row.is_control) == (1, False)


def test_a_confirmed_row_stands_above_a_lucky_one(scene, search):
    evaluation = order(scene, search)
    confirm(scene, evaluation, 1, *[(0.5, 0.5)] * 3)
    confirm(scene, evaluation, 0, *[(0.4, 0.4)] * 3)
    ranked = scene.store.leaderboard.page(search.id).items
    assert [(row.individual, row.confirmed) for row in ranked] == [(1, True), (0, True), (2, False)]
    assert scene.store.leaderboard.baseline(search.id).rank == 2


@pytest.mark.parametrize("results", [[(0.9, 0.9)] * 2, [(0.9, 0.9), None, (0.9, 0.9)]])
def test_a_row_is_confirmed_only_when_every_seed_is_in_and_completed(scene, search, results):
    confirm(scene, order(scene, search), 1, *results)
    row = board(scene, search)["behaviour 1"]
    assert (row.confirmed, row.validation.mean, row.validation.n, row.test) == (False, 0.6, 1, None)


def test_seeds_that_are_added_count_when_all_are_in_and_take_the_row_back_when_one_fails(scene, search):
    ordered = order(scene, search)
    confirm(scene, ordered, 1, *[(0.9, 0.9)] * 3)
    scene.store.evaluations.extend(ordered.id, seeds=2, now=scene.now)
    confirm(scene, ordered, 1, *[(0.9, 0.9)] * 4)
    assert board(scene, search)["behaviour 1"].validation.n == 3
    confirm(scene, ordered, 1, *[(0.9, 0.9)] * 4, (0.4, 0.4))
    row = board(scene, search)["behaviour 1"]
    assert (row.validation.n, row.validation.mean) == (5, pytest.approx(0.8))
    scene.store.evaluations.extend(ordered.id, seeds=1, now=scene.now)
    confirm(scene, ordered, 1, *[(0.9, 0.9)] * 4, (0.4, 0.4), None)
    assert not board(scene, search)["behaviour 1"].confirmed


def test_a_control_has_a_row_of_its_own_that_says_so(scene, search):
    ordered = order(scene, search)
    confirm(scene, ordered, 2, *[(0.5, 0.5)] * 3, behaviour="behaviour 9")
    row = board(scene, search)["behaviour 9"]
    assert (row.is_control, row.confirmed, row.individual, row.search_fitness) == (True, True, None, None)
    assert (row.method, row.train_time_s) == (PLACEBO, 9.0)
    scene.store.evaluations.extend(ordered.id, seeds=1, now=scene.now)
    confirm(scene, ordered, 2, *[(0.5, 0.5)] * 3, None, behaviour="behaviour 9")
    assert "behaviour 9" not in board(scene, search)


def test_plain_backprop_is_confirmed_though_its_search_trial_failed(scene):
    search = scene.search()
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), None)
    confirm(scene, order(scene, search), 0, *[(0.5, 0.5)] * 3)
    row = scene.store.leaderboard.baseline(search.id)
    assert (row.is_baseline, row.confirmed, row.rank, row.individual) == (True, True, 1, None)


def test_no_other_evaluation_is_told_on_a_leaderboard(scene, search):
    moved = scene.store.evaluations.add(SPEC, now=scene.now, search_id=search.id, role=Role.TRANSFER)
    confirm(scene, moved, 1, *[(0.5, 0.5)] * 3)
    assert not any(row.confirmed for row in board(scene, search).values())
