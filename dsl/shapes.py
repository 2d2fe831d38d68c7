"""Feasibility: whether the shapes of an equation match on every site, decided without tensors.

Running statistics have one row and broadcast over the samples, so they are of their operand's class.
Elementwise functions want equal classes; the products that exist are listed below; the result is of class IN
(a result of one row stands for every sample).
"""

from __future__ import annotations

from dsl.equation import Equation, Operand, Unary
from dsl.errors import InfeasibleEquation
from dsl.primitives import BINARIES, OPERANDS, UNARIES, Shape

TRANSPOSED = {
    Shape.WEIGHT: Shape.WEIGHT_T,
    Shape.WEIGHT_T: Shape.WEIGHT,
    Shape.RTOP: Shape.RTOP_T,
    Shape.RTOP_T: Shape.RTOP,
}
PRODUCTS = {
    (Shape.OUT, Shape.WEIGHT): Shape.IN,
    (Shape.IN, Shape.WEIGHT_T): Shape.OUT,
    (Shape.TOP, Shape.RTOP): Shape.IN,
}

_SHAPE_OF_OPERAND = {name: row.shape for name, row in OPERANDS.items()}
_TRANSPOSES = frozenset(name for name, row in UNARIES.items() if row.shape == "transposed")
_LEFT = frozenset(name for name, row in BINARIES.items() if row.shape == "left")
_MATMUL = frozenset(name for name, row in BINARIES.items() if row.shape == "matmul")


def shape_of_operand(operand: Operand) -> Shape:
    """The class of an operand, and of each of its statistics."""
    return _SHAPE_OF_OPERAND[operand.name]


def shape_after_unary(unary: Unary, shape: Shape) -> Shape | None:
    """The class of u(x); None where u does not take x's class."""
    return TRANSPOSED.get(shape) if unary.name in _TRANSPOSES else shape


def shape_after_binary(binary: str, left: Shape, right: Shape) -> Shape | None:
    """The class of f(x, y), f not being ``left``; None where the two do not fit."""
    if binary in _MATMUL:
        return PRODUCTS.get((left, right))
    return left if left is right else None


def is_feasible(equation: Equation) -> bool:
    """Whether the equation's shapes match on every site."""
    shape: Shape | None = _SHAPE_OF_OPERAND[equation.first.name]
    for operation in equation.operations:
        if operation.left_unary.name in _TRANSPOSES:
            shape = TRANSPOSED.get(shape)  # type: ignore[arg-type]
        binary = operation.binary
        if binary in _LEFT:
            if shape is None:
                return False
            continue
        right: Shape | None = _SHAPE_OF_OPERAND[operation.right.name]
        if operation.right_unary.name in _TRANSPOSES:
            right = TRANSPOSED.get(right)  # type: ignore[arg-type]
        if shape is None or right is None:
            return False
        if binary in _MATMUL:
            shape = PRODUCTS.get((shape, right))
        elif shape is not right:
            return False
    return shape is Shape.IN


def infeasibility(equation: Equation) -> str | None:
    """Why the equation is infeasible, in words; None where it is feasible."""
    try:
        shapes_of(equation)
    except InfeasibleEquation as error:
        return error.reason
    return None


def shapes_of(equation: Equation) -> tuple[Shape, ...]:
    """The classes of the chain after each operation. Raises InfeasibleEquation where they cannot match."""
    shape = shape_of_operand(equation.first)
    shapes = []
    for number, operation in enumerate(equation.operations, start=1):
        left = _unary_or_reason(operation.left_unary, shape, number, "left")
        if operation.binary in _LEFT:
            shape = left
        else:
            right = shape_of_operand(operation.right)
            right = _unary_or_reason(operation.right_unary, right, number, "right")
            shape = _binary_or_reason(operation.binary, left, right, number)
        shapes.append(shape)
    if shape is not Shape.IN:
        raise InfeasibleEquation(f"the result is {shape.value}, but a signal is {Shape.IN.value}")
    return tuple(shapes)


def _unary_or_reason(unary: Unary, shape: Shape, number: int, side: str) -> Shape:
    after = shape_after_unary(unary, shape)
    if after is None:
        raise InfeasibleEquation(
            f"operation {number}: {unary.name} takes a weight or R_L, but its {side} argument "
            f"is {shape.value}"
        )
    return after


def _binary_or_reason(binary: str, left: Shape, right: Shape, number: int) -> Shape:
    after = shape_after_binary(binary, left, right)
    if after is not None:
        return after
    if binary in _MATMUL:
        known = ", ".join(f"({x.value}) @ ({y.value})" for x, y in PRODUCTS)
        raise InfeasibleEquation(
            f"operation {number}: there is no product ({left.value}) @ ({right.value}); there are {known}"
        )
    raise InfeasibleEquation(
        f"operation {number}: {binary} wants equal shapes, but left is {left.value} and right "
        f"is {right.value}"
    )
