"""Where new equations come from: uniform sampling, the paper's mutation, and operators beyond the paper.

Mutation is that of Alber et al. 2018, section 3.2: a component is chosen uniformly and swapped for another
one of its category, uniformly; while the result is infeasible, the mutation starts again from the parent. A
unary with each of its constants is a component of its own, as in the paper's list.

Randomness is an argument: the same generator state gives the same equation.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple, TypeVar

from dsl.equation import MAX_OPERATIONS, Component, Equation, Operand, Operation, Unary
from dsl.errors import EquationError
from dsl.places import components_by_place
from dsl.primitives import MAX_CONSTANT, UNARIES
from dsl.shapes import is_feasible
from dsl.vocabulary import EVERYTHING, Vocabulary

#: A fifth of a second. Of all equations of three operations 7 % are feasible; where none of so many is, the
#: vocabulary has hardly any.
_MAX_ATTEMPTS = 100_000

#: What is drawn again where the component drawn stands there already: one for its place, or the place. The
#: paper does not say.
Redraw = Literal["replacement", "place"]

T = TypeVar("T")
C = TypeVar("C", Operand, Unary, str)

#: How much more often a component is drawn than a component of weight 1; above 0.
Weight = Callable[[Component], float]


def sample(
    rng: random.Random,
    vocabulary: Vocabulary = EVERYTHING,
    lengths: Sequence[float] = (1.0, 0.0, 0.0),
    weight: Weight | None = None,
) -> Equation:
    """A feasible equation, uniform among those with as many operations; ``lengths[i]`` is the probability of
    i + 1. With ``weight`` its probability is in proportion to the product of its components' weights.

    Raises EquationError where the vocabulary seems to have no feasible equation.
    """
    length = 1 + _categorical(rng, lengths)
    if length > MAX_OPERATIONS:
        raise EquationError(f"an equation has at most {MAX_OPERATIONS} operations, not {length}")
    draws = _draws(rng, vocabulary, weight)
    for _ in range(_MAX_ATTEMPTS):
        equation = Equation(draws.operand(), tuple(_operation(draws) for _ in range(length)))
        if is_feasible(equation, vocabulary.products):
            return equation
    raise _nothing_feasible()


class _Draws(NamedTuple):
    """How a component of each category is drawn."""

    operand: Callable[[], Operand]
    unary: Callable[[], Unary]
    binary: Callable[[], str]


def _draws(rng: random.Random, vocabulary: Vocabulary, weight: Weight | None = None) -> _Draws:
    return _Draws(
        _drawing(rng, vocabulary.operands, weight),
        _drawing(rng, vocabulary.unaries, weight),
        _drawing(rng, vocabulary.binaries, weight),
    )


def _drawing(rng: random.Random, items: Sequence[C], weight: Weight | None) -> Callable[[], C]:
    # Apart from weights of 1, so that a search which has no weights decides as it did before there were any.
    if weight is None:
        return lambda: _choose(rng, items)
    upto = list(accumulate(weight(item) for item in items))
    # The bound is for a product that is rounded up to the sum.
    return lambda: items[bisect(upto, rng.random() * upto[-1], 0, len(items) - 1)]


def _operation(draws: _Draws) -> Operation:
    return Operation(draws.unary(), draws.operand(), draws.unary(), draws.binary())


def _choose(rng: random.Random, items: Sequence[T]) -> T:
    return items[int(rng.random() * len(items))]


def _categorical(rng: random.Random, probabilities: Sequence[float]) -> int:
    """An index, with these probabilities."""
    if probabilities[0] == 1.0:
        return 0
    return rng.choices(range(len(probabilities)), probabilities)[0]


def _nothing_feasible() -> EquationError:
    return EquationError(
        f"no feasible equation in {_MAX_ATTEMPTS} attempts",
        hint="permit operands of the input's shape (g, h, dh) or matmul with a matching matrix",
    )


# Mutation --------------------------------------------------------------------------------------------------


def mutate(
    equation: Equation,
    rng: random.Random,
    vocabulary: Vocabulary = EVERYTHING,
    mutations: Sequence[float] = (1.0,),
    redraw: Redraw = "replacement",
) -> Equation:
    """A feasible equation that differs from ``equation`` in at most k components, and in at least one.

    k − 1 is drawn from ``mutations``; the paper's searches all have k = 1. Length never changes. ``redraw``
    says what is drawn again where the component drawn stands there already: "replacement" draws another one
    for the same place, so that every place is changed equally often; "place" begins again with another place,
    by which categories of few components change less often, and is there for searches that were made so.
    Raises EquationError where the vocabulary seems to permit no other feasible equation.
    """
    k = 1 + _categorical(rng, mutations)
    for _ in range(_MAX_ATTEMPTS):
        child = equation
        for _ in range(k):
            child = _swap(child, rng, vocabulary, redraw)
        # One change is one; several may take each other back.
        if is_feasible(child, vocabulary.products) and (k == 1 or child != equation):
            return child
    raise _nothing_feasible()


def _swap(equation: Equation, rng: random.Random, vocabulary: Vocabulary, redraw: Redraw) -> Equation:
    """``equation`` with one component swapped for another of its category."""
    for _ in range(_MAX_ATTEMPTS):
        # The first operand, then four components for each operation: every one as likely as any other.
        place = int(rng.random() * (4 * len(equation.operations) + 1)) - 1
        if place < 0:
            operand = _another(rng, vocabulary.operands, equation.first, redraw)
            if operand is not None:
                return Equation(operand, equation.operations)
            continue
        number, slot = divmod(place, 4)
        changed = _swap_in(equation.operations[number], slot, rng, vocabulary, redraw)
        if changed is not None:
            return equation.with_operation(number, changed)
    raise EquationError("the vocabulary has no other component", hint="permit at least two of one category")


def _swap_in(
    operation: Operation, slot: int, rng: random.Random, vocabulary: Vocabulary, redraw: Redraw
) -> Operation | None:
    """The operation with another component in ``slot``; None where another place is to be tried."""
    left, right, right_unary, binary = (
        operation.left_unary,
        operation.right,
        operation.right_unary,
        operation.binary,
    )
    if slot == 0:
        unary = _another(rng, vocabulary.unaries, left, redraw)
        return None if unary is None else Operation(unary, right, right_unary, binary)
    if slot == 1:
        operand = _another(rng, vocabulary.operands, right, redraw)
        return None if operand is None else Operation(left, operand, right_unary, binary)
    if slot == 2:
        unary = _another(rng, vocabulary.unaries, right_unary, redraw)
        return None if unary is None else Operation(left, right, unary, binary)
    other = _another(rng, vocabulary.binaries, binary, redraw)
    return None if other is None else Operation(left, right, right_unary, other)


def _another(rng: random.Random, category: Sequence[T], present: T, redraw: Redraw) -> T | None:
    """A component other than ``present``; None where another place is to be tried.

    Leaving places without an alternative only when they are drawn makes the place uniform among the others.
    """
    drawn = category[int(rng.random() * len(category))]
    if drawn != present:
        return drawn
    if redraw == "place" or all(component == present for component in category):
        return None
    while drawn == present:
        drawn = _choose(rng, category)
    return drawn


def describe_change(parent: Equation, child: Equation) -> str:
    """What a variation changed, in words."""
    if len(parent.operations) != len(child.operations):
        return f"from {len(parent.operations)} to {len(child.operations)} operations"
    pairs = zip(components_by_place(parent), components_by_place(child), strict=True)
    changes = [f"{place}: {before} to {after}" for (place, before), (_, after) in pairs if before != after]
    return "; ".join(changes) or "nothing"


# Beyond the paper, off by default ---------------------------------------------------------------------------


def change_length(equation: Equation, rng: random.Random, vocabulary: Vocabulary = EVERYTHING) -> Equation:
    """A feasible equation with one operation more or less; raises EquationError if there seems to be none."""
    count = len(equation.operations)
    draws = _draws(rng, vocabulary)
    for _ in range(_MAX_ATTEMPTS):
        operations = list(equation.operations)
        if count == MAX_OPERATIONS or (count > 1 and rng.random() < 0.5):
            del operations[int(rng.random() * count)]
        else:
            operations.insert(int(rng.random() * (count + 1)), _operation(draws))
        child = Equation(equation.first, tuple(operations))
        if is_feasible(child, vocabulary.products):
            return child
    raise _nothing_feasible()


def mutate_constant(equation: Equation, rng: random.Random) -> Equation:
    """``equation`` with one constant changed: to a neighbour in its grid, or multiplied by 2^N(0, 1) where
    any is allowed.

    An equation without constants is returned as it is.
    """
    places = [
        (number, side)
        for number, operation in enumerate(equation.operations)
        for side, unary in enumerate((operation.left_unary, operation.right_unary))
        if unary.constant is not None and not (side and operation.binary == "left")
    ]
    if not places:
        return equation
    number, side = _choose(rng, places)
    operation = equation.operations[number]
    left, right = operation.left_unary, operation.right_unary
    left, right = (left, _other_constant(right, rng)) if side else (_other_constant(left, rng), right)
    changed = Operation(left, operation.right, right, operation.binary)
    return equation.with_operation(number, changed)


def _other_constant(unary: Unary, rng: random.Random) -> Unary:
    row, constant = UNARIES[unary.name], unary.constant or 0.0
    if row.any_constant:
        for _ in range(_MAX_ATTEMPTS):
            other = float(f"{constant * 2.0 ** rng.gauss(0.0, 1.0):.3g}")
            if other != constant and abs(other) <= MAX_CONSTANT:
                return Unary(unary.name, other)
        return unary
    grid = sorted(row.constants)
    at = grid.index(constant)
    return Unary(unary.name, _choose(rng, [grid[i] for i in (at - 1, at + 1) if 0 <= i < len(grid)]))


def crossover(
    parent: Equation, partner: Equation, rng: random.Random, vocabulary: Vocabulary = EVERYTHING
) -> Equation:
    """The first operations of ``parent``, then the last ones of ``partner``, cut at random where feasible.

    ``parent`` itself where every cut is infeasible, too long, or one of the parents again.
    """
    cuts = [
        (head, tail)
        for head in range(len(parent.operations) + 1)
        for tail in range(len(partner.operations) + 1)
        if 1 <= head + tail <= MAX_OPERATIONS
    ]
    rng.shuffle(cuts)
    for head, tail in cuts:
        kept = partner.operations[len(partner.operations) - tail :]
        child = Equation(parent.first, (*parent.operations[:head], *kept))
        if child not in (parent, partner) and is_feasible(child, vocabulary.products):
            return child
    return parent
