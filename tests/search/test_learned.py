"""What is drawn is what the best have more than others; with nothing to learn it is the paper's uniform."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsl
from backprop_evo.records.proposing import VocabularySpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Origin
from backprop_evo.search.population import COMPLETED, Grade, Population
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.search.strategies import Known, strategy
from backprop_evo.search.strategies.learned import LOOKED_AT, best_count, weights

LEARNED = strategy("learned")
words = st.frozensets(st.sampled_from("abcdef"), min_size=1)


def known(language, equations, accuracies):
    spec = SearchSpec(name="toy", start_random=1, population_size=50)
    population = Population(spec.best_size)
    for individual, accuracy in enumerate(accuracies):
        population.put(individual, Grade(COMPLETED, accuracy))
    return Known(
        spec=spec,
        language=language,
        population=population,
        equation_of=lambda number: equations[number],
        proposed=len(equations) + 1,
        out=0,
    )


def drawn(what_is_known, seeds=range(2000)):
    proposals = [LEARNED.propose(what_is_known, Random(seed)) for seed in seeds]
    return [each.candidate for each in proposals if each.origin is Origin.RANDOM], len(proposals)


def test_the_formula_by_hand():
    best = [frozenset("ab"), frozenset("ac")]
    everyone = [*best, *[frozenset("bd")] * 6]
    expected = {"a": 3 / 1.5, "b": 2 / 2.75, "c": 2 / 1.25, "d": 1 / 2.5}
    assert dict(weights(best, everyone)) == pytest.approx(expected)


@given(st.lists(words, min_size=1, max_size=30))
def test_nothing_is_learned_where_the_best_are_like_all(everyone):
    assert set(weights(everyone, everyone).values()) == {1.0}
    assert list(weights(everyone, everyone * 3).values()) == pytest.approx(
        [1.0] * len(frozenset().union(*everyone))
    )


@given(st.lists(words, min_size=1, max_size=30), st.data())
def test_weights_stay_positive_and_bounded_and_rank_by_what_the_best_have(everyone, data):
    count = data.draw(st.integers(1, len(everyone)))
    best, n = everyone[:count], len(everyone)
    found = weights(best, everyone)
    for component, weight in found.items():
        among_best, among_all = (sum(component in each for each in group) for group in (best, everyone))
        assert 1 / (count + 1) <= weight <= count + 1
        assert (weight > 1 + 1e-12) == (among_best * n > among_all * count)


@given(st.lists(words, min_size=2, max_size=20), st.randoms(use_true_random=False))
def test_the_order_within_the_best_and_the_others_does_not_matter(everyone, order):
    best, shuffled = everyone[:1], list(everyone)
    order.shuffle(shuffled)
    assert weights(best, everyone) == weights(best, shuffled)


@given(st.integers(1, 1000), st.integers(1, LOOKED_AT))
def test_there_are_always_best_and_never_more_than_are_looked_at(population_size, looked_at):
    assert 1 <= best_count(population_size, looked_at) <= min(population_size, looked_at)
    assert best_count(1000, 100) == 10


def test_half_of_the_proposals_are_drawn_and_by_what_the_best_have(cluster):
    language = cluster(letters="abcd").language
    equations = ["aabb", "abab", *["cddc"] * 7]
    candidates, proposals = drawn(known(language, equations, [0.9, 0.8, *[0.1] * 7]))
    assert len(candidates) / proposals == pytest.approx(0.5, abs=0.04)
    letters = Counter("".join(each.method.equation for each in candidates))
    # Three best, of them one with c and d: weights 3 / (2/3 + 1) of a and b, 2 / (7/3 + 1) of c and d.
    share_of_a = 1.8 / (1.8 + 1.8 + 0.6 + 0.6)
    assert letters["a"] / letters.total() == pytest.approx(share_of_a, abs=0.02)
    assert letters["d"] / letters.total() == pytest.approx(0.5 - share_of_a, abs=0.02)


def test_what_was_learned_draws_equations_of_the_language():
    only = VocabularySpec(
        operands=("g", "h", "dh"), unaries=("identity", "sgn"), binaries=("add", "multiply")
    )
    language = SearchLanguage(SearchSpec(name="toy", vocabulary=only))
    equations = ["sgn(g) * g", "sgn(g) + g", *["h + dh", "dh * h"] * 4]
    candidates, _ = drawn(known(language, equations, [0.9, 0.8, *[0.1] * 8]), range(400))
    assert all(dsl.is_feasible(dsl.parse(each.method.equation)) for each in candidates)
    of_g = sum("g" in {o.name for o in operands_of(each)} for each in candidates)
    of_h = sum("h" in {o.name for o in operands_of(each)} for each in candidates)
    assert of_g > 1.5 * of_h > 0


def operands_of(candidate):
    equation = dsl.parse(candidate.method.equation)
    return {each for each in equation.components if isinstance(each, dsl.Operand)}


@pytest.mark.parametrize("name", ["aging", "learned"])
def test_a_search_of_the_whole_language_replays(cluster, name):
    run = cluster(strategy=name, trials=25, in_flight=4, start=("g", "clip(g, 1.0) + h"), shuffled=5)
    run.language = SearchLanguage(run.spec)
    run.__post_init__()
    run.run()
    assert replay(run.spec, SearchLanguage(run.spec), run.individuals, run.finishes) == tuple(run.individuals)
