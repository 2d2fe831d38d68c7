"""Feasibility: whether the shapes of an equation match on every site, decided without tensors.

Running statistics have one row and broadcast over the samples, so they are of their operand's class.
Elementwise functions want equal classes. Products exist wherever the columns of the left are the rows of the
right and the result keeps samples or classes on at least one side, so that nothing is larger than what a site
has anyway. The result is of class IN (a result of one row stands for every sample).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Literal

from dsl.equation import Equation, Operand, Unary
from dsl.errors import InfeasibleEquation
from dsl.primitives import BINARIES, OPERANDS, UNARIES, Shape

#: Which products and transposes an equation may have: all that fit, or those of searches from before there
#: were more: OUT @ weight, IN @ weight.T and TOP @ R_L, transposes of weights and R_L.
Products = Literal["all", "three"]

_FEATURES = frozenset({"input", "output"})
_SHAPE_OF_AXES = {shape.axes: shape for shape in Shape}

#: The linear operation's two classes, whose matrix is never built.
WEIGHTS = frozenset({Shape.WEIGHT, Shape.WEIGHT_T})

#: Every class transposed.
TRANSPOSED: Mapping[Shape, Shape] = MappingProxyType(
    {shape: _SHAPE_OF_AXES[shape.axes[1], shape.axes[0]] for shape in Shape}
)

_SHAPES_OF_OPERANDS = frozenset(row.shape for row in OPERANDS.values())
_RIGHT = _SHAPES_OF_OPERANDS | {TRANSPOSED[shape] for shape in _SHAPES_OF_OPERANDS}

#: (left, right) → result; on the right stands an operand or its transpose.
PRODUCTS: Mapping[tuple[Shape, Shape], Shape] = MappingProxyType(
    {
        (left, right): _SHAPE_OF_AXES[left.axes[0], right.axes[1]]
        for left, right in product(Shape, sorted(_RIGHT, key=lambda shape: shape.value))
        if left.axes[1] == right.axes[0] and not {left.axes[0], right.axes[1]} <= _FEATURES
    }
)

#: Transposes of signals and of what runs from the classes to a layer. Their noise is drawn, and their tensors
#: are kept, with samples or classes first.
TURNED = frozenset({Shape.IN_T, Shape.OUT_T, Shape.TOP_T, Shape.RTOP_T, Shape.CLASS_OUT_T})

_ONE_TO_ONE = {shape: shape for shape in Shape if shape.axes[1] != "sample"}


@dataclass(frozen=True, slots=True)
class _Rules:
    """``unaries`` has those that do not take every class to itself: class → class, none where infeasible."""

    unaries: Mapping[str, Mapping[Shape, Shape]]
    products: Mapping[tuple[Shape, Shape], Shape]


def _rules(transposed: Mapping[Shape, Shape], products: Mapping[tuple[Shape, Shape], Shape]) -> _Rules:
    special = {name: transposed for name, row in UNARIES.items() if row.shape == "transposed"}
    return _Rules({**special, **{n: _ONE_TO_ONE for n, row in UNARIES.items() if row.remembers}}, products)


_THREE = ((Shape.OUT, Shape.WEIGHT), (Shape.IN, Shape.WEIGHT_T), (Shape.TOP, Shape.RTOP))
_MATRICES = (Shape.WEIGHT, Shape.WEIGHT_T, Shape.RTOP, Shape.RTOP_T)
_RULES: Mapping[Products, _Rules] = {
    "all": _rules(TRANSPOSED, PRODUCTS),
    "three": _rules(
        {shape: TRANSPOSED[shape] for shape in _MATRICES}, {pair: PRODUCTS[pair] for pair in _THREE}
    ),
}

_SHAPE_OF_OPERAND = {name: row.shape for name, row in OPERANDS.items()}
_LEFT = frozenset(name for name, row in BINARIES.items() if row.shape == "left")
_MATMUL = frozenset(name for name, row in BINARIES.items() if row.shape == "matmul")


def shape_of_operand(operand: Operand) -> Shape:
    """The class of an operand, and of each of its statistics."""
    return _SHAPE_OF_OPERAND[operand.name]


def shape_after_unary(unary: Unary, shape: Shape) -> Shape | None:
    """The class of u(x); None where u does not take x's class."""
    special = _RULES["all"].unaries.get(unary.name)
    return shape if special is None else special.get(shape)


def shape_after_binary(binary: str, left: Shape, right: Shape) -> Shape | None:
    """The class of f(x, y), f not being ``left``; None where the two do not fit."""
    if binary in _MATMUL:
        return PRODUCTS.get((left, right))
    return left if left is right else None


def is_feasible(equation: Equation, products: Products = "all") -> bool:
    """Whether the equation's shapes match on every site, and it has no products but ``products``."""
    rules = _RULES[products]
    unaries, fitting = rules.unaries, rules.products
    shape: Shape | None = _SHAPE_OF_OPERAND[equation.first.name]
    for operation in equation.operations:
        if operation.left_unary.name in unaries:
            shape = unaries[operation.left_unary.name].get(shape)  # type: ignore[arg-type]
        binary = operation.binary
        if binary in _LEFT:
            if shape is None:
                return False
            continue
        right: Shape | None = _SHAPE_OF_OPERAND[operation.right.name]
        if operation.right_unary.name in unaries:
            right = unaries[operation.right_unary.name].get(right)  # type: ignore[arg-type]
        if shape is None or right is None:
            return False
        if binary in _MATMUL:
            shape = fitting.get((shape, right))
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
            f"operation {number}: {unary.name} keeps an average of each column from batch to batch, but the "
            f"columns of its {side} argument ({shape.value}) are samples, others in each batch"
        )
    return after


def _binary_or_reason(binary: str, left: Shape, right: Shape, number: int) -> Shape:
    after = shape_after_binary(binary, left, right)
    if after is not None:
        return after
    if binary in _MATMUL:
        factors = f"({left.value}) @ ({right.value})"
        raise InfeasibleEquation(f"operation {number}: there is no product {factors}: {_misfit(left, right)}")
    raise InfeasibleEquation(
        f"operation {number}: {binary} wants equal shapes, but left is {left.value} and right "
        f"is {right.value}"
    )


def _misfit(left: Shape, right: Shape) -> str:
    rows, inner = left.axes
    if inner != right.axes[0]:
        return f"the columns of the left are of {inner}, the rows of the right of {right.axes[0]}"
    return (
        f"the result would be {rows} × {right.axes[1]}, as large as the square of a layer's features; a "
        "product keeps samples or classes on at least one side"
    )
