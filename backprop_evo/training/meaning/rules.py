"""An equation compiled to a function of a site's backward pass.

Compiling decides once what an equation needs (so that a site keeps and computes nothing else) and which
intermediate tensors belong to the rule alone, which are then overwritten in place of allocating new ones.

Shapes: as in ``site_view``; a value of one row, (1, *), stands for equal rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import Tensor

from backprop_evo.training.meaning import elementary
from backprop_evo.training.meaning.operands import OPERANDS, OperandMeaning
from backprop_evo.training.meaning.site_view import SiteView, Transport
from dsl.equation import Equation, Operand, Operation, Unary
from dsl.primitives import BINARIES, EPSILON, Shape
from dsl.shapes import shape_after_unary, shape_of_operand, shapes_of


@dataclass(frozen=True, slots=True)
class Needs:
    """What a site must keep or provide for a rule. ``matrices`` is a subset of W, R, S, R_L."""

    h_pre: bool
    derivative: bool
    h_next_pre: bool
    b_top: bool
    matrices: frozenset[str]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor, and whether the rule alone holds it."""

    tensor: Tensor
    owned: bool


@dataclass(slots=True, eq=False)
class _Pass:
    """What one backward pass has computed so far, by operand; each running average moves once a pass."""

    view: SiteView
    operands: dict[str, Tensor] = field(default_factory=dict)
    averages: dict[str, tuple[Tensor, Tensor | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Step:
    """One operation that is carried out; ``product`` is None for elementwise ones."""

    number: int
    operation: Operation
    live: bool
    product: Shape | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled equation. ``transport`` is the matrix that b_next goes through first, if any."""

    equation: Equation
    needs: Needs
    transport: Transport | None
    _steps: tuple[_Step, ...]
    _sole: frozenset[str]
    _spread: frozenset[str]
    _shared_transports: frozenset[Transport]

    def __call__(self, view: SiteView) -> Tensor:
        """The signal for the layer below, shape IN."""
        known = _Pass(view)
        value = self._operand(self.equation.first, known)
        for step in self._steps:
            value = _unary(step.operation.left_unary, value, view, f"left {step.number}")
            # ``left(x, y)`` is x: y is never computed, so that nothing about it matters (``dsl.primitives``).
            if not step.live:
                continue
            right = self._operand(step.operation.right, known)
            right = _unary(step.operation.right_unary, right, view, f"right {step.number}")
            if step.product is not None:
                # A product always is a new tensor.
                value = Value(_product(step.product, value.tensor, right.tensor, view), owned=True)
            else:
                value = _elementwise(step.operation.binary, value, right)
        return _every_row(value.tensor, view.h)

    def _operand(self, operand: Operand, known: _Pass) -> Value:
        meaning, name = OPERANDS[operand.name], operand.name
        if name in known.operands:
            value = Value(known.operands[name], owned=False)
        else:
            # The signal that came through a matrix is kept for the next operand that asks; only the sole user
            # may overwrite it.
            alone = meaning.transport not in self._shared_transports
            tensor = meaning.compute(known.view, alone)
            known.operands[name] = tensor
            value = Value(tensor, owned=meaning.fresh and name in self._sole and alone)
        return value if operand.statistic == "value" else self._statistic(operand, value, known)

    def _statistic(self, operand: Operand, value: Value, known: _Pass) -> Value:
        x, name = value.tensor, operand.name
        if name not in known.averages:
            statistics = known.view.statistics
            # The standard deviation needs the mean anyway; the mean alone costs one pass less.
            spread = name in self._spread
            known.averages[name] = (
                statistics.mean_and_std(name, x) if spread else (statistics.mean(name, x), None)
            )
        mean, std = known.averages[name]
        if operand.statistic == "mean":
            return Value(mean.to(x.dtype), owned=False)
        assert std is not None
        if operand.statistic == "std":
            return Value(std.to(x.dtype), owned=False)
        # Overwriting saves a tensor of the size of the signal, which on a CPU is a tenth of a step.
        out = x if value.owned else None
        return Value(elementary.centred(x, mean, std.clamp(min=EPSILON), out), owned=True)


def compile_rule(equation: Equation) -> Rule:
    """The rule of a feasible equation. Raises dsl's InfeasibleEquation for another."""
    shapes = shapes_of(equation)
    befores = (shape_of_operand(equation.first), *shapes)
    steps = []
    # ``befores`` has one shape more, that of the result, which no operation starts from.
    for number, (operation, before) in enumerate(zip(equation.operations, befores, strict=False), start=1):
        kind = BINARIES[operation.binary].shape
        left = shape_after_unary(operation.left_unary, before)
        steps.append(_Step(number, operation, kind != "left", left if kind == "matmul" else None))
    operands = [equation.first, *(step.operation.right for step in steps if step.live)]
    names = [operand.name for operand in operands]
    meanings = {name: OPERANDS[name] for name in names}
    users = Counter(meaning.transport for meaning in meanings.values() if meaning.transport is not None)
    return Rule(
        equation=equation,
        needs=_needs(meanings),
        # One of them can share the call that makes the weight's gradient; the other has its own.
        transport="W" if users["W"] else "R" if users["R"] else None,
        _steps=tuple(steps),
        _sole=frozenset(name for name, count in Counter(names).items() if count == 1),
        _spread=frozenset(o.name for o in operands if o.statistic in ("std", "normalised")),
        _shared_transports=frozenset(transport for transport, count in users.items() if count > 1),
    )


def _needs(meanings: dict[str, OperandMeaning]) -> Needs:
    return Needs(
        h_pre="h_pre" in meanings,
        derivative=any(meaning.derivative for meaning in meanings.values()),
        h_next_pre="h_next_pre" in meanings,
        b_top=any(meaning.top for meaning in meanings.values()),
        matrices=frozenset().union(*(meaning.matrices for meaning in meanings.values())),
    )


def _unary(unary: Unary, value: Value, view: SiteView, place: str) -> Value:
    x, out = value.tensor, value.tensor if value.owned else None
    if unary.name == "identity":
        return value
    # A view: whoever overwrites it overwrites what it views, so that ownership passes on.
    if unary.name == "transpose":
        return Value(x.transpose(0, 1), value.owned)
    if unary.name in elementary.REMEMBERING:
        mean, square = view.statistics.mean(place, x), view.statistics.square(place, x)
        return Value(elementary.REMEMBERING[unary.name](x, mean, square, out), owned=True)
    # Functions without a constant take one too and ignore it: one signature for all.
    constant = unary.constant if unary.constant is not None else 0.0
    return Value(elementary.UNARIES[unary.name](x, constant, out), owned=True)


def _elementwise(binary: str, x: Value, y: Value) -> Value:
    # An owned row of statistics cannot take the result: it is smaller.
    shape = torch.broadcast_shapes(x.tensor.shape, y.tensor.shape)
    out = next((v.tensor for v in (x, y) if v.owned and v.tensor.shape == shape), None)
    return Value(elementary.BINARIES[binary](x.tensor, y.tensor, out), owned=True)


def _product(left: Shape, x: Tensor, y: Tensor, view: SiteView) -> Tensor:
    if left is Shape.OUT:
        # Fewer rows where x is a running statistic: then one row goes through the layer.
        return view.op.transpose(x, y.expand_as(view.weight), view.h[: x.shape[0]])
    if left is Shape.TOP:
        return view.down_from_top(x, y)
    return view.op.forward(x, y.transpose(0, 1).expand_as(view.weight))


def _every_row(x: Tensor, h: Tensor) -> Tensor:
    # Autograd wants a signal for every sample, and one that overlaps itself in memory cannot be added to.
    return x if x.shape == h.shape else torch.empty_like(h).copy_(x.expand_as(h))


PLAIN_BACKPROP = compile_rule(
    Equation(Operand("g"), (Operation(Unary("identity"), Operand("g"), Unary("identity"), "left"),))
)

__all__ = ["PLAIN_BACKPROP", "Needs", "Rule", "Value", "compile_rule"]
