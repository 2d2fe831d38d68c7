"""The reference meaning of every primitive, in float64 numpy. Slow, plain, and what all others are compared
to.

Values are sample-first; where a matrix is needed (norms, statistics), a tensor is reshaped to (first axis,
everything else). Running statistics remember: a memory goes in, the memory after this backward pass comes
out.

Shapes: as in ``dsl/site_values.py``; x and y stand for any of them, broadcasting over the first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from dsl.equation import Equation, Operand, Unary
from dsl.matrices import as_matrix, product, transposed
from dsl.primitives import BINARIES, EPSILON, INF, RUNNING, UNARIES, Shape
from dsl.shapes import PRODUCTS, TRANSPOSED, TURNED, shape_of_operand, shapes_of
from dsl.site_values import Array, SiteValues

#: Running averages by what they are of: an operand's name (average of the batch's mean, of its variance), or
#: "left 1", "right 1", … for ``standardise`` of the left or right argument of that operation (average of x,
#: of x²). All (1, *).
Memory = Mapping[str, tuple[Array, Array]]

#: Before the first step.
EMPTY_MEMORY: Memory = MappingProxyType({})


class Draws(Protocol):
    """Where noise and dropout draw from; a ``numpy.random.Generator`` is one."""

    def standard_normal(self, size: tuple[int, ...], /) -> Array:
        """Independent N(0, 1)."""

    def random(self, size: tuple[int, ...], /) -> Array:
        """Independent, uniform on [0, 1)."""


def evaluate(
    equation: Equation, site: SiteValues, memory: Memory = EMPTY_MEMORY, draws: Draws | None = None
) -> tuple[Array, Memory]:
    """The signal that ``equation`` sends down at ``site``, shape IN, and the memory after this backward pass.

    ``draws`` feeds noise and dropout, in the order in which the equation is written; default is a generator
    of seed 0. Raises InfeasibleEquation where the shapes cannot match.
    """
    shapes_of(equation)
    averaged = sorted({o.name for o in live_operands(equation) if o.statistic != "value"})
    after = {**memory, **operand_averages(averaged, site, memory)}
    value, remembered = chain_value(
        equation,
        lambda operand: operand_value(operand, site, after),
        site,
        after,
        draws if draws is not None else np.random.default_rng(0),
    )
    return np.broadcast_to(value, site.h.shape).copy(), remembered


def chain_value(
    equation: Equation,
    operand_of: Callable[[Operand], Array],
    site: SiteValues,
    memory: Memory,
    draws: Draws,
    inner: list[Array] | None = None,
) -> tuple[Array, Memory]:
    """The chain's value, shape IN or (1, *), and ``memory`` with what remembering unaries averaged.

    ``inner`` collects what can be hidden by what follows: what goes from one operation into the next, both
    sides of min and max, what is clipped and where.
    """
    after = dict(memory)
    entered = [] if inner is None else inner

    def argument(unary: Unary, x: Array, shape: Shape, place: str) -> tuple[Array, Shape]:
        if unary.name == "identity":
            return x, shape
        if unary.name == "clip":
            entered.extend([x, np.full(1, unary.constant)])
        row = UNARIES[unary.name]
        if row.shape == "transposed":
            return transposed(x, shape, site), TRANSPOSED[shape]
        if row.random and shape in TURNED:  # drawn as before it was turned, so that the two commute
            return unary_value(unary, x.T, draws, after, place).T, shape
        return unary_value(unary, x, draws, after, place), shape

    with np.errstate(all="ignore"):
        value, shape = operand_of(equation.first), shape_of_operand(equation.first)
        for number, operation in enumerate(equation.operations, start=1):
            entered += [value] if number > 1 else []
            value, shape = argument(operation.left_unary, value, shape, f"left {number}")
            if BINARIES[operation.binary].shape == "left":
                continue
            right, right_shape = operand_of(operation.right), shape_of_operand(operation.right)
            right, right_shape = argument(operation.right_unary, right, right_shape, f"right {number}")
            entered += [value, right] if operation.binary in ("min", "max") else []
            if BINARIES[operation.binary].shape == "matmul":
                pair = shape, right_shape
                value, shape = product(value, right, pair, site), PRODUCTS[pair]
            else:
                value = BINARY_MEANING[operation.binary](value, right)
    return value, MappingProxyType(after)


# Operands and their running statistics ----------------------------------------------------------------------

#: Every operand as a function of the site.
OPERAND_MEANING: Mapping[str, Callable[[SiteValues], Array]] = MappingProxyType(
    {
        "W": lambda s: s.W,
        "sgn_W": lambda s: np.sign(s.W),
        "R": lambda s: s.R,
        "S": lambda s: s.S,
        "R_L": lambda s: s.R_L,
        "h_pre": lambda s: s.h_pre,
        "h": lambda s: s.h,
        "h_next_pre": lambda s: s.h_next_pre,
        "b_top": lambda s: s.b_top,
        "b_next": lambda s: s.b_next,
        "dh": lambda s: s.dh,
        "g": lambda s: s.through(s.b_next, s.W) * s.dh,
        "b_next_W": lambda s: s.through(s.b_next, s.W),
        "b_next_R": lambda s: s.through(s.b_next, s.R),
        "b_next_R_dh": lambda s: s.through(s.b_next, s.R) * s.dh,
        "b_top_R_L": lambda s: s.from_top(s.b_top, s.R_L),
        "b_top_R_L_dh": lambda s: s.from_top(s.b_top, s.R_L) * s.dh,
    }
)


def operand_value(operand: Operand, site: SiteValues, memory: Memory) -> Array:
    """The operand, or its running statistic as ``memory`` has it; mean and std have shape (1, *)."""
    if operand.statistic == "value":
        return OPERAND_MEANING[operand.name](site)
    mean, variance = memory[operand.name]
    if operand.statistic == "mean":
        return mean
    std = np.sqrt(variance)
    if operand.statistic == "std":
        return std
    return (OPERAND_MEANING[operand.name](site) - mean) / np.maximum(std, EPSILON)


def live_operands(equation: Equation) -> tuple[Operand, ...]:
    """The operands that are computed, in the order of the equation; what ``left`` ignores is not."""
    return (
        equation.first,
        *(o.right for o in equation.operations if BINARIES[o.binary].shape != "left"),
    )


def operand_averages(
    names: Iterable[str], site: SiteValues, memory: Memory
) -> dict[str, tuple[Array, Array]]:
    """The running averages (of mean and variance) of these operands after this pass; all statistics of one
    operand share them."""
    after = {}
    for name in names:
        value = OPERAND_MEANING[name](site)
        mean = value.mean(axis=0, keepdims=True)
        variance = ((value - mean) ** 2).mean(axis=0, keepdims=True)
        after[name] = running(memory.get(name), mean, variance)
    return after


def running(before: tuple[Array, Array] | None, first: Array, second: Array) -> tuple[Array, Array]:
    """A pair of running averages after one more step; the first step is its own average."""
    if before is None:
        return first, second
    a, b = before
    return a + (1.0 - RUNNING) * (first - a), b + (1.0 - RUNNING) * (second - b)


# Unary functions --------------------------------------------------------------------------------------------


def away_from_zero(x: Array) -> Array:
    """x with |x| at least EPSILON, its sign kept; 0 becomes +EPSILON."""
    return np.where(np.abs(x) >= EPSILON, x, np.where(x < 0, -EPSILON, EPSILON))


def vector_norm(x: Array, p: float, axis: int | None) -> Array:
    """The p-norm of matrix ``x`` over ``axis`` (None: all entries), axes kept. p = 0 counts non-zeros."""
    if p == 0.0:
        return np.asarray(np.count_nonzero(x, axis=axis, keepdims=True), np.float64)
    if p == 1.0:
        return np.asarray(np.abs(x).sum(axis=axis, keepdims=True))
    if p == 2.0:
        return np.asarray(np.sqrt((x * x).sum(axis=axis, keepdims=True)))
    return np.asarray((np.max if p == INF else np.min)(np.abs(x), axis=axis, keepdims=True))


def matrix_norm(x: Array, p: float) -> Array:
    """1: largest absolute column sum; inf and −inf: largest and smallest absolute row sum. Shape (1, 1)."""
    sums = np.abs(x).sum(axis=0 if p == 1.0 else 1)
    return np.asarray((np.min if p == -INF else np.max)(sums)).reshape(1, 1)


def _over(norm: Callable[[Array, float], Array]) -> Callable[[Array, float], Array]:
    def divide(x: Array, c: float) -> Array:
        matrix = as_matrix(x)
        return (matrix / np.maximum(norm(matrix, c), EPSILON)).reshape(x.shape)

    return divide


def _signed(x: Array, magnitude: Array) -> Array:
    return np.sign(x) * magnitude


#: u(x) for every unary that neither draws nor remembers; c is 0 where there is no constant.
UNARY_MEANING: Mapping[str, Callable[[Array, float], Array]] = MappingProxyType(
    {
        "identity": lambda x, _: x,
        "transpose": lambda x, _: np.swapaxes(x, 0, 1),
        "reciprocal": lambda x, _: 1.0 / away_from_zero(x),
        "abs": lambda x, _: np.abs(x),
        "negate": lambda x, _: -x,
        "positive": lambda x, _: (x > 0).astype(np.float64),
        "relu": lambda x, _: np.maximum(x, 0.0),
        "sgn": lambda x, _: np.sign(x),
        "sqrt": lambda x, _: np.sqrt(np.abs(x)),
        "signed_sqrt": lambda x, _: _signed(x, np.sqrt(np.abs(x))),
        "square": lambda x, _: x * x,
        "signed_square": lambda x, _: x * np.abs(x),
        "cube": lambda x, _: x * x * x,
        "scale": lambda x, c: c * x,
        "shift": lambda x, c: x + c,
        "clip": lambda x, c: np.clip(x, -c, c),
        "per_elem": _over(lambda x, p: vector_norm(x, p, None)),
        "per_col": _over(lambda x, p: vector_norm(x, p, 0)),
        "per_row": _over(lambda x, p: vector_norm(x, p, 1)),
        "per_fro": _over(lambda x, _: vector_norm(x, 2.0, None)),
        "per_matrix": _over(matrix_norm),
    }
)

#: u(x) for the unaries that draw.
RANDOM_MEANING: Mapping[str, Callable[[Array, float, Draws], Array]] = MappingProxyType(
    {
        "add_noise": lambda x, c, draws: x + c * draws.standard_normal(x.shape),
        "scale_noise": lambda x, c, draws: x * (1.0 + c * draws.standard_normal(x.shape)),
        "drop": lambda x, c, draws: np.where(draws.random(x.shape) < c, 0.0, x / (1.0 - c)),
    }
)


def standardised(x: Array, before: tuple[Array, Array] | None) -> tuple[Array, tuple[Array, Array]]:
    """``standardise``: (x − m) / sqrt(q), and the running averages (m of x, q of x²) after this pass."""
    after = running(before, x.mean(axis=0, keepdims=True), (x * x).mean(axis=0, keepdims=True))
    return (x - after[0]) / np.maximum(np.sqrt(after[1]), EPSILON), after


#: u(x) for the unaries that remember.
REMEMBERING_MEANING = MappingProxyType({"standardise": standardised})


def unary_value(
    unary: Unary, x: Array, draws: Draws, memory: dict[str, tuple[Array, Array]], place: str
) -> Array:
    """u(x), shape of x (or transposed); what a remembering unary averaged goes into ``memory``."""
    constant = unary.constant if unary.constant is not None else 0.0
    if unary.name in UNARY_MEANING:
        return UNARY_MEANING[unary.name](x, constant)
    if unary.name in RANDOM_MEANING:
        return RANDOM_MEANING[unary.name](x, constant, draws)
    value, memory[place] = REMEMBERING_MEANING[unary.name](x, memory.get(place))
    return value


# Binary functions -------------------------------------------------------------------------------------------

#: f(x, y) elementwise; ``left`` and ``matmul`` are not.
BINARY_MEANING: Mapping[str, Callable[[Array, Array], Array]] = MappingProxyType(
    {
        "add": np.add,
        "subtract": np.subtract,
        "multiply": np.multiply,
        "divide": lambda x, y: x / away_from_zero(y),
        "min": np.minimum,
        "max": np.maximum,
    }
)
