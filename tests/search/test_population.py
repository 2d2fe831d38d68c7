"""Selection: the best N apart from the rest, at the rate asked for, cheap however many there are."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.search.population import COMPLETED, Grade, Population


def population_of(accuracies, best_size):
    population = Population(best_size)
    for individual, accuracy in enumerate(accuracies):
        population.put(individual, Grade(COMPLETED, accuracy))
    return population


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(1, 20), st.integers(0, 70))
def test_the_best_are_the_best_and_ties_go_to_who_came_first(accuracies, best_size, count):
    best = population_of(accuracies, best_size).best(count)
    expected = sorted(range(len(accuracies)), key=lambda i: (-accuracies[i], i))[:count]
    assert [member.individual for member in best] == expected
    assert [member.grade for member in best] == [Grade(COMPLETED, accuracies[i]) for i in expected]


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(1, 20), st.integers(0, 70))
def test_the_latest_are_those_that_arrived_last_whatever_their_fitness(accuracies, best_size, count):
    latest = population_of(accuracies, best_size).latest(count)
    assert [member.individual for member in latest] == [
        *range(max(0, len(accuracies) - count), len(accuracies))
    ]


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.7, 1.0])
def test_a_parent_is_drawn_from_the_best_with_probability_p_and_uniformly(probability):
    population = population_of([i / 50 for i in range(50)], best_size=10)
    generator, draws = Random(1), 20_000
    counts = Counter(population.select(generator, probability) for _ in range(draws))
    from_best = sum(counts[i] for i in range(40, 50))
    assert from_best / draws == pytest.approx(probability, abs=0.02)
    for side, size, share in ((range(40, 50), 10, probability), (range(40), 40, 1 - probability)):
        for individual in side:
            assert counts[individual] / draws == pytest.approx(share / size, abs=0.012)


def test_the_other_side_stands_in_where_one_is_empty():
    population = population_of([0.1, 0.2], best_size=5)
    assert {population.select(Random(seed), 0.0) for seed in range(30)} == {0, 1}


def test_nobody_can_be_selected_from_nobody():
    with pytest.raises(ValueError, match="empty"):
        Population(3).select(Random(0), 0.5)


class Counting(list):
    """A list that counts how often it is looked into."""

    looks = 0

    def __getitem__(self, place):
        self.looks += 1
        return super().__getitem__(place)

    def __iter__(self):
        for member in super().__iter__():
            self.looks += 1
            yield member


@pytest.mark.parametrize("size", [10, 100_000])
def test_selecting_looks_at_one_member_however_many_there_are(size):
    population = population_of([Random(place).random() for place in range(size)], best_size=5)
    sides = population._best, population._rest = Counting(population._best), Counting(population._rest)
    for seed in range(50):
        population.select(Random(seed), 0.7)
    assert sum(side.looks for side in sides) == 50


grades = st.builds(Grade, st.sampled_from([-1.0, 0.0, 1.0, COMPLETED]), st.floats(-3, 1))
steps = st.lists(st.tuples(st.integers(0, 25), grades), max_size=80)


@given(steps=steps, best_size=st.integers(1, 12), count=st.integers(0, 30))
def test_the_order_is_a_plain_sort_however_often_members_move(steps, best_size, count):
    """By rung, then merit, then arrival; the rest holds each other member once."""
    population, known, arrived = Population(best_size), {}, []
    for individual, grade in steps:
        population.put(individual, grade)
        arrived += [] if individual in known else [individual]
        known[individual] = grade
    expected = sorted(known, key=lambda i: (-known[i].rung, -known[i].merit, arrived.index(i)))
    assert [each.individual for each in population.best(count)] == expected[:count]
    assert [each.grade for each in population.best(count)] == [known[i] for i in expected[:count]]
    assert len(population) == len(known)
    assert [each.individual for each in population.latest(count)] == arrived[-count:] * (count > 0)
    assert {each.grade for each in population.latest(count)} <= {*known.values()}
    if known:
        drawn = {population.select(Random(seed), 0.0) for seed in range(300)}
        assert drawn <= {*(expected[best_size:] or expected)}
        assert {population.select(Random(seed), 1.0) for seed in range(60)} <= {*expected[:best_size]}


def test_the_rest_is_drawn_from_evenly_after_members_have_moved():
    population = population_of([0.9, 0.8, 0.7, 0.6, 0.5], best_size=2)
    population.put(0, Grade(COMPLETED, 0.1))
    population.put(4, Grade(COMPLETED, 0.95))
    generator = Random(2)
    counts = Counter(population.select(generator, 0.0) for _ in range(3000))
    assert set(counts) == {0, 2, 3}
    assert min(counts.values()) > 900


def test_who_reached_a_later_rung_stands_above_whoever_ended_earlier():
    assert Grade(COMPLETED, 0.1) > Grade(1, -0.5) > Grade(1, -2.0) > Grade(0, -0.1)
