"""Rewrites of the canonical form that concern transposes and products of more than two matrices.

Each lessens the transposes, moves one of the chain further to the end, or shortens the chain.
"""

from __future__ import annotations

from itertools import pairwise

from dsl.binary_rewrites import operand_of_product
from dsl.composition import composed
from dsl.equation import IDENTITY, Equation, Operand, Operation, Unary
from dsl.notation import keep
from dsl.primitives import BINARIES, UNARIES

TRANSPOSE = Unary("transpose")
_FACTORS = ("identity", "negate", "scale")


def transposed_later(equation: Equation) -> Equation | None:
    """u(xᵗ) = u(x)ᵗ for what works entry by entry, of a transpose that was kept."""
    for index, (operation, following) in enumerate(pairwise(equation.operations)):
        unary = following.left_unary
        if operation.binary != "left" or operation.left_unary != TRANSPOSE:
            continue
        if unary not in (IDENTITY, TRANSPOSE) and not UNARIES[unary.name].by_axis:
            later = Operation(TRANSPOSE, following.right, following.right_unary, following.binary)
            return _with(equation, index, keep(unary), later)
    return None


def transposed_pair(equation: Equation) -> Equation | None:
    """f(xᵗ, yᵗ) = f(x, y)ᵗ elementwise, where what follows can take the transpose."""
    for index, (operation, following) in enumerate(pairwise(equation.operations)):
        if BINARIES[operation.binary].shape != "elementwise":
            continue
        if not operation.left_unary == operation.right_unary == TRANSPOSE:
            continue
        if following.left_unary in (IDENTITY, TRANSPOSE):
            after = IDENTITY if following.left_unary == TRANSPOSE else TRANSPOSE
            now = Operation(IDENTITY, operation.right, IDENTITY, operation.binary)
            later = Operation(after, following.right, following.right_unary, following.binary)
            return _with(equation, index, now, later)
    return None


def transposed_product(equation: Equation) -> Equation | None:
    """(x · y)ᵗ = yᵗ · xᵗ and (x · y · z)ᵗ = zᵗ · yᵗ · xᵗ, from the beginning of the chain."""
    operations = equation.operations
    count = next((i for i, o in enumerate(operations) if i and o.left_unary == TRANSPOSE), 0)
    factors = operations[:count]
    if not count or any(o.binary != "matmul" for o in factors):
        return None
    if any(o.left_unary != IDENTITY for o in factors[1:]):
        return None
    head = factors[0].left_unary
    factor, first_unary = (head, IDENTITY) if head.name in _FACTORS else (IDENTITY, head)
    sides = [(equation.first, first_unary), *((o.right, o.right_unary) for o in factors)]
    turned = [(operand, _turned(unary)) for operand, unary in reversed(sides)]
    if any(unary is None for _, unary in turned):
        return None
    (first, unary), *rest = turned
    begun = composed(factor, unary)  # type: ignore[arg-type]
    if begun is None:
        return None
    lefts = [begun, *[IDENTITY] * (count - 1)]
    products = [
        Operation(left, operand, right_unary, "matmul")  # type: ignore[arg-type]
        for left, (operand, right_unary) in zip(lefts, rest, strict=True)
    ]
    last = operations[count]
    after = Operation(IDENTITY, last.right, last.right_unary, last.binary)
    return Equation(first, (*products, after, *operations[count + 1 :]))


def _turned(unary: Unary) -> Unary | None:
    """The transpose of a side, where that is one function again."""
    return composed(TRANSPOSE, unary) if unary in (IDENTITY, TRANSPOSE) else None


def associated(equation: Equation) -> Equation | None:
    """(x · b_next) · W = x · b_next_W and (x · Wᵗ) · b_nextᵗ = x · b_next_Wᵗ, also for R and R_L."""
    for index, (operation, following) in enumerate(pairwise(equation.operations)):
        if operation.binary != "matmul" or following.binary != "matmul" or following.left_unary != IDENTITY:
            continue
        unary = operation.right_unary
        if unary != following.right_unary or unary not in (IDENTITY, TRANSPOSE):
            continue
        pair = operation.right, following.right
        name = operand_of_product("matmul", *(pair if unary == IDENTITY else reversed(pair)))
        if name is not None:
            return _with(equation, index, Operation(operation.left_unary, Operand(name), unary, "matmul"))
    return None


def _with(equation: Equation, index: int, *instead: Operation) -> Equation:
    """The equation with ``instead`` for its operations at ``index`` and ``index`` + 1."""
    operations = equation.operations
    return Equation(equation.first, (*operations[:index], *instead, *operations[index + 2 :]))
