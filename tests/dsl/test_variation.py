"""Sampling and mutation as in the paper, and the operators beyond it."""

import random
from collections import Counter
from hashlib import sha256

import pytest

import dsl
from dsl import EVERYTHING


def components(equation: dsl.Equation) -> list[object]:
    rest = [(o.left_unary, o.right, o.right_unary, o.binary) for o in equation.operations]
    return [equation.first, *(component for operation in rest for component in operation)]


def test_samples_are_feasible_and_of_the_wanted_length() -> None:
    rng = random.Random(0)
    for length, lengths in enumerate(((1.0,), (0.0, 1.0), (0.0, 0.0, 1.0)), start=1):
        for _ in range(200):
            equation = dsl.sample(rng, lengths=lengths)
            assert dsl.is_feasible(equation)
            assert len(equation.operations) == length


def test_components_are_those_that_the_value_depends_on() -> None:
    names = {getattr(each, "name", each) for each in dsl.parse("clip(g, 1.0) + sgn(h)").components}
    assert names == {"g", "h", "clip", "sgn", "add"}
    first = dsl.Operation(dsl.Unary("sgn"), dsl.Operand("h"), dsl.Unary("neg"), "left")
    assert dsl.Equation(dsl.Operand("g"), (first,)).components == {
        dsl.Operand("g"),
        dsl.Unary("sgn"),
        "left",
    }


def test_components_are_drawn_in_proportion_to_their_weights() -> None:
    """By hand, where every equation is feasible: each operand and binary in proportion to its weight."""
    words = dsl.vocabulary(("g", "h", "dh"), ("identity",), ("add", "multiply"))
    weight = {dsl.Operand("g"): 6.0, dsl.Operand("h"): 3.0, "multiply": 0.25}
    rng, draws = random.Random(5), 6000
    drawn = [dsl.sample(rng, words, weight=lambda each: weight.get(each, 1.0)) for _ in range(draws)]
    firsts = Counter(equation.first.name for equation in drawn)
    seconds = Counter(equation.operations[0].right.name for equation in drawn)
    for counts in (firsts, seconds):
        for name, share in (("g", 0.6), ("h", 0.3), ("dh", 0.1)):
            assert counts[name] / draws == pytest.approx(share, abs=0.025)
    products = sum(equation.operations[0].binary == "multiply" for equation in drawn)
    assert products / draws == pytest.approx(0.2, abs=0.025)


def test_equal_weights_are_uniform_equation_by_equation() -> None:
    for seed in range(200):
        plain = dsl.sample(random.Random(seed), lengths=(0.0, 0.5, 0.5))
        assert plain == dsl.sample(random.Random(seed), lengths=(0.0, 0.5, 0.5), weight=lambda _each: 1.0)


def test_a_mutation_changes_exactly_one_component_and_stays_feasible() -> None:
    rng = random.Random(1)
    equation = dsl.sample(rng, lengths=(0.0, 0.0, 1.0))
    for _ in range(2000):
        child = dsl.mutate(equation, rng)
        before, after = components(equation), components(child)
        changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert len(changed) == 1
        assert type(changed[0][0]) is type(changed[0][1])
        assert dsl.is_feasible(child)
        assert dsl.describe_change(equation, child) != "nothing"
        equation = child


def test_more_mutations_change_up_to_as_many_components() -> None:
    rng = random.Random(2)
    parent = dsl.parse("g / fro(g) + 0.5 * g")
    counts = Counter(
        sum(
            a != b
            for a, b in zip(
                components(parent), components(dsl.mutate(parent, rng, mutations=(0.0, 1.0))), strict=True
            )
        )
        for _ in range(300)
    )
    assert set(counts) == {1, 2}
    assert counts[2] > counts[1]


def test_components_are_drawn_uniformly() -> None:
    rng = random.Random(3)
    drawn = Counter(dsl.mutate(dsl.parse("g + h"), rng).operations[0].binary for _ in range(6000))
    swapped = {name: count for name, count in drawn.items() if name != "add"}
    assert set(swapped) == {"subtract", "multiply", "divide", "left", "min", "max"}
    assert max(swapped.values()) < 1.4 * min(swapped.values())


#: Operands of one shape and nothing that changes it: every swap is feasible, and no mutation starts again.
UNIFORM = dsl.vocabulary(
    ["g", "h", "dh"], ["identity", "abs", "clip", "relu"], ["add", "multiply"], {"clip": (0.1, 1.0)}
)


def places_changed(vocabulary: dsl.Vocabulary, count: int, redraw: dsl.Redraw, seed: int) -> Counter[int]:
    """How often each place of the genome was changed, in mutations of equations of two operations."""
    rng, changed = random.Random(seed), Counter[int]()
    for _ in range(count):
        parent = dsl.sample(rng, vocabulary, (0.0, 1.0))
        child = components(dsl.mutate(parent, rng, vocabulary, redraw=redraw))
        changed.update(i for i, before in enumerate(components(parent)) if child[i] != before)
    return changed


def chi_square(changed: Counter[int], weights: dict[int, float]) -> float:
    total = changed.total()
    expected = {place: total * weight / sum(weights.values()) for place, weight in weights.items()}
    return sum((changed[place] - wanted) ** 2 / wanted for place, wanted in expected.items())


@pytest.mark.parametrize("seed", range(5))
def test_every_place_is_changed_equally_often(seed: int) -> None:
    """χ² of 9 places has 8 degrees of freedom: above 35.6 once in 50,000 draws of equal frequencies."""
    changed = places_changed(UNIFORM, 9_000, "replacement", seed)
    assert chi_square(changed, dict.fromkeys(range(9), 1.0)) < 35.6


def test_places_without_an_alternative_are_left_out_and_the_others_changed_equally_often() -> None:
    """One binary function, and one unary that stands nowhere in the parent or everywhere."""
    vocabulary = dsl.vocabulary(["g", "h"], ["identity"], ["add"])
    assert set(places_changed(vocabulary, 500, "replacement", 0)) == {0, 2, 6}
    assert chi_square(places_changed(vocabulary, 3_000, "replacement", 1), {0: 1, 2: 1, 6: 1}) < 21.6
    rng, parent = random.Random(2), dsl.parse("abs(g) + h")
    swapped = Counter(
        next(i for i, (a, b) in enumerate(zip(components(parent), components(child), strict=True)) if a != b)
        for child in (dsl.mutate(parent, rng, vocabulary) for _ in range(3_000))
    )
    assert chi_square(swapped, {0: 1, 1: 1, 2: 1}) < 21.6  # 2 degrees of freedom: once in 50,000
    assert set(swapped) == {0, 1, 2}


def test_searches_of_old_drew_the_place_again_so_that_small_categories_changed_less() -> None:
    """A place is changed with the probability that the component drawn is another: (n − 1) / n of n."""
    operand, unary, binary = 2 / 3, 4 / 5, 1 / 2
    weights = dict(enumerate((operand, *2 * (unary, operand, unary, binary))))
    changed = places_changed(UNIFORM, 9_000, "place", 0)
    assert chi_square(changed, weights) < 35.6
    assert chi_square(changed, dict.fromkeys(range(9), 1.0)) > 100


@pytest.mark.parametrize(("products", "digest"), [("three", "67ddbb492537f663"), ("all", None)])
def test_searches_of_old_draw_three_products_as_they_did(products: dsl.Products, digest: str | None) -> None:
    """The digest is that of what the code before there were more products drew."""
    unaries = (*EVERYTHING.unaries, *[dsl.Unary("transpose")] * 30)
    binaries = (*EVERYTHING.binaries, *["matmul"] * 5)
    vocabulary = dsl.Vocabulary(EVERYTHING.operands, unaries, binaries, products)
    rng, drawn = random.Random(2018), []
    for _ in range(500):
        one, two = (dsl.sample(rng, vocabulary, (0.2, 0.4, 0.4)) for _ in range(2))
        drawn += [
            one,
            dsl.mutate(one, rng, vocabulary),
            dsl.change_length(dsl.parse("g + h"), rng, vocabulary),
            dsl.crossover(one, two, rng, vocabulary),
        ]
    texts = "\n".join(dsl.to_text(equation) for equation in drawn)
    if digest is not None:
        assert sha256(texts.encode()).hexdigest()[:16] == digest
    assert all(dsl.is_feasible(equation, "three") for equation in drawn) == (products == "three")


def test_the_same_state_gives_the_same_equations() -> None:
    def drawn(seed: int) -> list[dsl.Equation]:
        rng = random.Random(seed)
        return [dsl.mutate(dsl.sample(rng), rng) for _ in range(20)]

    assert drawn(7) == drawn(7) != drawn(8)


def test_a_vocabulary_is_kept_to() -> None:
    vocabulary = dsl.vocabulary(
        ["g", "h", "mean(dh)"], ["identity", "scale", "clip"], ["add", "min"], {"scale": (0.1, 3.0)}
    )
    rng = random.Random(4)
    for _ in range(300):
        child = dsl.mutate(dsl.sample(rng, vocabulary, (0.0, 1.0)), rng, vocabulary)
        operands = {child.first, *(o.right for o in child.operations)}
        unaries = {u for o in child.operations for u in (o.left_unary, o.right_unary)}
        assert operands <= set(vocabulary.operands)
        assert unaries <= set(vocabulary.unaries)
        assert {u.constant for u in unaries if u.name == "scale"} <= {0.1, 3.0}
        assert {o.binary for o in child.operations} <= {"add", "min"}
    assert len(EVERYTHING.operands) == 68
    assert dsl.vocabulary() == EVERYTHING


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"operands": ["h_per"]}, "h_pre"),
        ({"unaries": ["clp"]}, "clip"),
        ({"binaries": ["addd"]}, "add"),
        ({"constants": {"clip": (0.3,)}}, "0.01, 0.1"),
        ({"constants": {"scal": (0.3,)}}, "scale"),
        ({"constants": {"scale": (float("nan"),)}}, "0.5"),
        ({"operands": []}, "leave it out"),
    ],
)
def test_unknown_components_name_the_nearest(asked, hint: str) -> None:
    with pytest.raises(dsl.UnknownComponent) as caught:
        dsl.vocabulary(**asked)
    assert hint in (caught.value.hint or "")


def test_a_vocabulary_without_feasible_equations_is_refused() -> None:
    with pytest.raises(dsl.EquationError, match="no feasible equation"):
        dsl.sample(random.Random(0), dsl.vocabulary(["W"], ["identity"], ["add"]))
    lonely = dsl.vocabulary(["g"], ["identity"], ["left"])
    with pytest.raises(dsl.EquationError, match="no other component"):
        dsl.mutate(dsl.parse("g"), random.Random(0), lonely)


def test_operators_beyond_the_paper_stay_feasible() -> None:
    rng = random.Random(5)
    lengths = set()
    for _ in range(300):
        parent, partner = (dsl.sample(rng, lengths=(0.3, 0.3, 0.4)) for _ in range(2))
        longer = dsl.change_length(parent, rng)
        assert abs(len(longer.operations) - len(parent.operations)) == 1
        lengths.add(len(longer.operations))
        child = dsl.crossover(parent, partner, rng)
        assert child.first == parent.first
        for equation in (longer, child, dsl.mutate_constant(parent, rng)):
            assert dsl.is_feasible(equation)
            assert dsl.parse(dsl.to_text(equation)) == equation
    assert lengths == {1, 2, 3}


def test_a_constant_moves_in_its_grid_or_freely() -> None:
    rng = random.Random(6)
    clips = {
        dsl.mutate_constant(dsl.parse("clip(g, 0.1)"), rng).operations[0].left_unary.constant
        for _ in range(50)
    }
    assert clips == {0.01, 0.5}
    scales = {
        dsl.mutate_constant(dsl.parse("0.5 * g"), rng).operations[0].left_unary.constant for _ in range(50)
    }
    assert len(scales) > 30
    assert dsl.mutate_constant(dsl.parse("g"), rng) == dsl.parse("g")
