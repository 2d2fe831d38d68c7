"""The real language under the brain: vocabulary, operators beyond the paper, and replay with both."""

from random import Random

import pytest

import dsl
from backprop_evo.errors import InvalidEquation
from backprop_evo.records.proposing import Operators, VocabularySpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage, identify_equation

SMALL = VocabularySpec(
    operands=("g", "h", "dh", "b_next_R"), unaries=("identity", "clip"), binaries=("add", "multiply", "left")
)


def language(**options):
    return SearchLanguage(SearchSpec(name="x", **options))


def components(text):
    equation = dsl.parse(text)
    yield equation.first.name
    for operation in equation.operations:
        yield from (
            operation.left_unary.name,
            operation.right.name,
            operation.right_unary.name,
            operation.binary,
        )


@pytest.mark.parametrize("lengths", [(1.0,), (0.0, 0.5, 0.5)])
def test_what_is_drawn_and_varied_stays_in_the_vocabulary_and_is_feasible(lengths):
    words = language(vocabulary=SMALL, lengths=lengths, mutations=(0.5, 0.5))
    allowed = {*SMALL.operands, *SMALL.unaries, *SMALL.binaries}
    generator = Random(0)
    candidate = words.draw(generator)
    for _ in range(50):
        assert set(components(candidate.method.equation)) <= allowed
        assert dsl.infeasibility(dsl.parse(candidate.method.equation)) is None
        candidate, how = words.vary(candidate.method.equation, generator, lambda: "g")
        assert how != "nothing"


def test_equal_behaviour_has_one_fingerprint():
    words = language()
    assert words.read("g + h").fingerprint == words.read("h + g").fingerprint
    assert words.read("g + h").fingerprint != words.read("g - h").fingerprint
    assert words.read("g + h").canonical == words.read("h + g").canonical


def test_constants_can_be_set_per_search():
    only = VocabularySpec(operands=("g",), unaries=("scale",), constants={"scale": (0.25,)})
    words = language(vocabulary=only)
    drawn = [dsl.parse(words.draw(Random(seed)).method.equation) for seed in range(20)]
    assert {operation.left_unary.constant for each in drawn for operation in each.operations} == {0.25}


@pytest.mark.parametrize("text", ["", "g +", "nonsense", "W"])
def test_what_is_no_feasible_equation_is_refused(text):
    with pytest.raises(InvalidEquation):
        language().read(text)


def test_each_operator_beyond_the_paper_does_what_it_says():
    longer, _ = language(operators=Operators(change_length=1.0)).vary("g + h", Random(0), lambda: "h")
    assert len(dsl.parse(longer.method.equation).operations) == 2
    clipped, how = language(operators=Operators(mutate_constant=1.0)).vary(
        "clip(g, 1.0) + h", Random(0), lambda: "h"
    )
    assert clipped.method.equation.startswith("clip(g, 0.")
    assert "clip" in how
    crossed, how = language(operators=Operators(crossover=1.0)).vary("g + h", Random(0), lambda: "h * g - dh")
    assert how.startswith("crossed with h * g - dh: ")
    assert crossed.method.equation not in ("g + h", "h * g - dh")


def test_operators_are_drawn_as_often_as_asked_and_never_by_default():
    def lengths_changed(operators):
        words = language(operators=operators)
        changed = [
            words.vary("g + h", Random(seed), lambda: "h")[1].startswith("from") for seed in range(200)
        ]
        return sum(changed) / len(changed)

    assert lengths_changed(Operators()) == 0
    assert lengths_changed(Operators(change_length=0.3)) == pytest.approx(0.3, abs=0.1)


def test_where_an_operator_has_nothing_to_change_the_papers_mutation_stands_in():
    words = language(operators=Operators(mutate_constant=1.0))
    for seed in range(20):
        candidate, _ = words.vary("g + h", Random(seed), lambda: "h")
        assert candidate.method.equation != "g + h"


def test_a_mutation_redraws_what_the_search_asks_for():
    def children(**redraw):
        words = language(vocabulary=SMALL, **redraw)
        return [words.vary("g + h", Random(seed), lambda: "h")[0].method.equation for seed in range(100)]

    vocabulary = dsl.vocabulary(SMALL.operands, SMALL.unaries, SMALL.binaries)
    for redraw in ("replacement", "place"):
        mutants = [
            dsl.mutate(dsl.parse("g + h"), Random(seed), vocabulary, redraw=redraw) for seed in range(100)
        ]
        assert children(mutation_redraw=redraw) == [dsl.to_text(mutant) for mutant in mutants]
    assert children() == children(mutation_redraw="replacement") != children(mutation_redraw="place")


@pytest.mark.parametrize("products", ["all", "three"])
def test_a_search_draws_the_products_it_asks_for(products):
    only = VocabularySpec(operands=("g", "h"), unaries=("identity", "transpose"), binaries=("matmul", "left"))
    words = language(
        vocabulary=only, products=products, lengths=(0.0, 1.0), operators=Operators(crossover=0.5)
    )
    drawn = [words.draw(Random(seed)) for seed in range(30)]
    drawn += [
        words.vary(each.method.equation, Random(seed), lambda: "g @ h.T @ g")[0]
        for seed, each in enumerate(drawn)
    ]
    texts = [each.method.equation for each in drawn]
    assert all(dsl.is_feasible(dsl.parse(text), products) for text in texts)
    assert any("@" in text for text in texts) == (products == "all")


def test_a_search_with_every_operator_replays(cluster):
    operators = Operators(change_length=0.25, mutate_constant=0.25, crossover=0.25)
    run = cluster(
        trials=25, in_flight=4, start=("g", "clip(g, 1.0) + h"), operators=operators, population_size=5
    )
    run.language = SearchLanguage(run.spec)
    run.__post_init__()
    run.run()
    assert any("crossed" in (each.mutation or "") for each in run.individuals)
    assert replay(run.spec, SearchLanguage(run.spec), run.individuals, run.finishes) == tuple(run.individuals)


def test_identity_is_that_of_the_text_read_again():
    equation = dsl.sample(Random(3))
    assert identify_equation(equation) == language().read(dsl.to_text(equation))
