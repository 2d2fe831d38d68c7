"""The leaderboard's rules, over SQLite and PostgreSQL."""

from random import Random

import pytest

from backprop_evo.errors import InvalidInput
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Accuracies
from backprop_evo.records.training import TrainResult


def rows(scene, search=None, **options):
    return scene.store.leaderboard.page(search and search.id, **options).items


def accuracies(page):
    return [row.validation.mean for row in page]


def test_rows_are_ranked_by_accuracy_and_plain_backprop_stands_among_them(scene):
    search = scene.search()
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.5)
    for accuracy in (0.4, 0.7, 0.6):
        scene.finish(scene.trial(search), accuracy)
    board = rows(scene, search)
    assert [(row.rank, row.validation.mean) for row in board] == [(1, 0.7), (2, 0.6), (3, 0.5), (4, 0.4)]
    assert [row.is_baseline for row in board] == [False, False, True, False]
    assert {(row.validation.n, row.validation.std, row.test) for row in board} == {(1, None, None)}
    assert {row.train_time_s for row in board} == {3.0}


def test_what_did_not_complete_is_not_on_it(scene):
    search = scene.search()
    scene.finish(scene.trial(search), None)
    scene.finish(scene.trial(search), 0.2)
    assert accuracies(rows(scene, search)) == [0.2]


def test_what_is_measured_again_is_ranked_by_its_mean(scene):
    search = scene.search()
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.9)
    lucky, steady = scene.trial(search), scene.trial(search)
    scene.finish(lucky, 0.7)
    scene.finish(steady, 0.6)
    assert scene.store.searches.get(search.id).best_fitness == 0.7
    for place, accuracy in enumerate((0.5, 0.3)):
        scene.finish(scene.trial(search, of=1, purpose=Purpose.REMEASUREMENT, suffix=f"m{place}"), accuracy)
    _, first, second = rows(scene, search)
    assert (first.individual, first.search_fitness) == (2, Accuracies(mean=0.6, std=None, n=1))
    assert (second.individual, second.search_fitness.n, second.rank) == (1, 3, 3)
    assert second.search_fitness == second.validation
    assert (second.search_fitness.mean, second.search_fitness.std) == pytest.approx((0.5, 0.2))
    assert second.train_time_s == 9.0
    told = scene.store.searches.get(search.id)
    assert (told.best_fitness, told.trials_done) == (0.6, 4)


def test_what_does_not_train_again_has_no_row_but_a_fault_says_nothing(scene):
    search = scene.search()
    for accuracy in (0.7, 0.6):
        scene.finish(scene.trial(search), accuracy)
    for number, outcome in ((0, TrialState.DIVERGED), (1, TrialState.FAILED)):
        again = scene.trial(search, of=number, purpose=Purpose.REMEASUREMENT, suffix="m")
        ended = TrainResult(outcome=outcome, reason="so it was")
        assert scene.store.trials.finish(scene.running(again), ended, now=scene.now)
    (row,) = rows(scene, search)
    assert (row.individual, row.search_fitness.n) == (1, 1)
    assert scene.store.searches.get(search.id).best_fitness == 0.6


def test_all_searches_together_are_ranked_as_one(scene):
    one, two = scene.search("one"), scene.search("two")
    for search, accuracy in ((one, 0.1), (two, 0.2), (one, 0.3), (two, 0.4)):
        scene.finish(scene.trial(search), accuracy)
    assert accuracies(rows(scene)) == [0.4, 0.3, 0.2, 0.1]
    assert accuracies(rows(scene, one)) == [0.3, 0.1]


@pytest.mark.parametrize("over_all", [False, True])
def test_pages_hold_every_row_once_in_order_with_their_ranks(scene, over_all):
    search = scene.search()
    generator = Random(0)
    expected = sorted((generator.randrange(8) / 10 for _ in range(23)), reverse=True)
    for accuracy in Random(1).sample(expected, 23):
        scene.finish(scene.trial(search), accuracy)
    seen, cursor = [], None
    while True:
        page = scene.store.leaderboard.page(None if over_all else search.id, cursor=cursor, limit=5)
        seen += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert accuracies(seen) == expected
    assert [row.rank for row in seen] == list(range(1, 24))
    assert len({row.individual for row in seen}) == 23
    ties = [(row.validation.mean, row.individual) for row in seen]
    assert ties == sorted(ties, key=lambda tie: (-tie[0], tie[1]))


def test_the_baseline_row_knows_its_rank(scene):
    search = scene.search()
    assert scene.store.leaderboard.baseline(search.id) is None
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.5)
    for accuracy in (0.6, 0.7, 0.4):
        scene.finish(scene.trial(search), accuracy)
    assert scene.store.leaderboard.baseline(search.id).rank == 3


def test_the_cursor_of_one_listing_is_refused_by_another(scene):
    search = scene.search()
    for _ in range(3):
        scene.finish(scene.trial(search), 0.5)
    cursor = scene.store.leaderboard.page(search.id, limit=1).next_cursor
    with pytest.raises(InvalidInput, match="cursor"):
        scene.store.trials.page(search.id, cursor=cursor)


def test_a_yardstick_is_ranked_by_its_method_and_is_no_baseline(scene):
    method = MethodSpec("indirect-feedback")
    search = scene.search(yardsticks=(method,))
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.5)
    trial_id = scene.trial(search, purpose=Purpose.YARDSTICK, method=method)
    assert scene.store.trials.get(trial_id).method == method
    scene.finish(trial_id, 0.7)
    first, second = rows(scene, search)
    assert (first.method, first.is_yardstick, first.is_baseline) == (method, True, False)
    assert (second.method, second.is_yardstick, second.is_baseline) == (equation_method("g"), False, True)
    assert scene.store.searches.get(search.id).trials_done == 0
    assert scene.store.individuals.of(search.id)[1].method == method
