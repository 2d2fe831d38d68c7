"""Regularised evolution: the old leave, whatever their fitness; of a sample the best is varied."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Origin
from backprop_evo.search.population import COMPLETED, Grade, Population
from backprop_evo.search.strategies import Known, strategy
from backprop_evo.search.strategies.aging import sample_size

AGING = strategy("aging")


def known(words, accuracies, size):
    population = Population(size)
    for individual, accuracy in enumerate(accuracies):
        population.put(individual, Grade(COMPLETED, accuracy))
    return Known(
        spec=SearchSpec(name="toy", population_size=size, start_random=1),
        language=words,
        population=population,
        equation_of=lambda _number: "abcd",
        proposed=len(accuracies) + 1,
        out=0,
    )


@pytest.mark.parametrize(("population_size", "sample"), [(1, 2), (2, 2), (8, 2), (20, 5), (100, 25)])
def test_the_sample_is_a_quarter_of_the_population_and_at_least_two(population_size, sample):
    assert sample_size(population_size) == sample


@given(
    accuracies=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    size=st.integers(1, 12),
    seed=st.integers(0, 2**20),
)
def test_a_parent_is_of_the_last_and_the_best_of_the_sample_that_the_generator_draws(
    cluster, accuracies, size, seed
):
    proposal = AGING.propose(known(cluster().language, accuracies, size), Random(seed))
    living = list(range(len(accuracies)))[-size:]
    sample = Random(seed).choices(living, k=sample_size(size))
    assert proposal.origin is Origin.MUTATION
    assert proposal.parent == min(sample, key=lambda individual: (-accuracies[individual], individual))


def test_the_best_of_all_is_no_parent_once_it_is_old(cluster):
    accuracies = [0.99, *(i / 100 for i in range(20))]
    of_ten = known(cluster().language, accuracies, 10)
    parents = {AGING.propose(of_ten, Random(seed)).parent for seed in range(300)}
    assert parents <= set(range(11, 21))
    of_all = known(cluster().language, accuracies, 21)
    assert 0 in {AGING.propose(of_all, Random(seed)).parent for seed in range(300)}


def test_parents_are_drawn_as_often_as_a_tournament_draws_them(cluster):
    """The fittest of P is in a sample of S with probability 1 − (1 − 1/P)^S, and wins wherever it is."""
    size, draws = 20, 4000
    population = known(cluster().language, [i / size for i in range(size)], size)
    parents = Counter(AGING.propose(population, Random(seed)).parent for seed in range(draws))
    assert parents[size - 1] / draws == pytest.approx(1 - (1 - 1 / size) ** 5, abs=0.025)
    assert parents[0] / draws == pytest.approx((1 / size) ** 5, abs=0.005)
