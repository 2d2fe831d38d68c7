"""Rewrites of the canonical form that concern one side of an operation: what is ignored, and functions of one
argument.
"""

from __future__ import annotations

from collections.abc import Callable

from dsl.composition import NEVER_NEGATIVE, composed
from dsl.equation import IDENTITY, Equation, Operand, Operation, Unary
from dsl.notation import FILLER, keep

OfArgument = Callable[[Unary, Operand], tuple[Unary, Operand] | None]
"""A rewrite of one function of one operand; None where it does not apply."""

# Left -------------------------------------------------------------------------------------------------------


def dead_branch(equation: Equation) -> Equation | None:
    """left(x, y) = left(x, g), whatever y is."""
    for index, operation in enumerate(equation.operations):
        if operation.binary == "left" and (operation.right, operation.right_unary) != (FILLER, IDENTITY):
            return equation.with_operation(index, keep(operation.left_unary))
    return None


def merged_left(equation: Equation) -> Equation | None:
    """left(u(x)) inside v is (v∘u)(x) where that is one function; left(x) at the end is x."""
    operations = equation.operations
    for index, operation in enumerate(operations[:-1]):
        following = operations[index + 1]
        if operation.binary == "left":
            both = composed(following.left_unary, operation.left_unary)
            if both is not None:
                merged = Operation(both, following.right, following.right_unary, following.binary)
                return Equation(equation.first, (*operations[:index], merged, *operations[index + 2 :]))
    if len(operations) > 1 and operations[-1] == keep(IDENTITY):
        return Equation(equation.first, operations[:-1])
    return None


# One function of an operand ---------------------------------------------------------------------------------


def every_argument(rewrite: OfArgument) -> Callable[[Equation], Equation | None]:
    """The rewrite that applies ``rewrite`` to the first argument, and to every right one."""

    def apply(equation: Equation) -> Equation | None:
        head = equation.operations[0]
        changed = rewrite(head.left_unary, equation.first)
        if changed is not None:
            start = Operation(changed[0], head.right, head.right_unary, head.binary)
            return Equation(changed[1], (start, *equation.operations[1:]))
        for index, operation in enumerate(equation.operations):
            if operation.binary == "left":
                continue
            changed = rewrite(operation.right_unary, operation.right)
            if changed is not None:
                unary, operand = changed
                return equation.with_operation(
                    index, Operation(operation.left_unary, operand, unary, operation.binary)
                )
        return None

    return apply


def signs_of_weight(unary: Unary, operand: Operand) -> tuple[Unary, Operand] | None:
    """sgn(W) = sgn(sgn_W) = sgn_W."""
    if unary.name == "sgn" and operand in (Operand("W"), Operand("sgn_W")):
        return IDENTITY, Operand("sgn_W")
    return None


_OF_NEVER_NEGATIVE = {
    "abs": "identity",
    "relu": "identity",
    "sgn": "positive",
    "signed_sqrt": "sqrt",
    "signed_square": "square",
}


def never_negative(unary: Unary, operand: Operand) -> tuple[Unary, Operand] | None:
    """|x| = x and so on, of a standard deviation."""
    name = _OF_NEVER_NEGATIVE.get(unary.name)
    return (Unary(name), operand) if operand.statistic == "std" and name else None


#: A matrix of one row has one entry in each column: its norms by (name, order) as norms of all entries.
_OF_ONE_ROW = {
    ("per_matrix", float("inf")): Unary("per_elem", 1.0),
    ("per_matrix", float("-inf")): Unary("per_elem", 1.0),
    ("per_matrix", 1.0): Unary("per_elem", float("inf")),
}


def one_row(unary: Unary, operand: Operand) -> tuple[Unary, Operand] | None:
    """Row and matrix norms of a running mean or deviation are norms of all its entries."""
    if operand.statistic not in ("mean", "std"):
        return None
    if unary.name == "per_row":
        return Unary("per_elem", unary.constant), operand
    other = _OF_ONE_ROW.get((unary.name, unary.constant or 0.0))
    return (other, operand) if other is not None else None


# Functions anywhere -----------------------------------------------------------------------------------------


def named_norm(equation: Equation) -> Equation | None:
    """x / elem(x, 2) = x / fro(x)."""
    for index, operation in enumerate(equation.operations):
        left, right = _frobenius(operation.left_unary), _frobenius(operation.right_unary)
        if left is not operation.left_unary or right is not operation.right_unary:
            return equation.with_operation(index, Operation(left, operation.right, right, operation.binary))
    return None


def _frobenius(unary: Unary) -> Unary:
    return Unary("per_fro") if unary == Unary("per_elem", 2.0) else unary


def never_negative_chain(equation: Equation) -> Equation | None:
    """What ``never_negative`` says, of a chain that was kept under a function that is never negative."""
    for index, operation in enumerate(equation.operations[1:], start=1):
        before = equation.operations[index - 1]
        name = _OF_NEVER_NEGATIVE.get(operation.left_unary.name)
        if name and before.binary == "left" and before.left_unary.name in NEVER_NEGATIVE:
            return equation.with_operation(
                index,
                Operation(Unary(name), operation.right, operation.right_unary, operation.binary),
            )
    return None
