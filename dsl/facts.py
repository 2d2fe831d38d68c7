"""What can be said of an equation without training anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from dsl.canonical import canonical
from dsl.equation import Equation, Operand, Unary
from dsl.primitives import OPERANDS, UNARIES
from dsl.probes import probes, responses
from dsl.reference import live_operands
from dsl.site_values import Array

#: Children are trained in float32: what is larger there is infinite.
_MAX_FLOAT32 = float(np.finfo(np.float32).max)

#: What comes down from the loss; all other operands that carry the error are products with one of them.
SIGNALS = frozenset({"b_next", "b_top"})


@dataclass(frozen=True, slots=True)
class EquationFacts:
    """Facts of what is computed; what ``left`` ignores does not count.

    ``complexity`` is the number of operands and functions of the canonical form, identities and ``left``
    apart (plain backprop has 1). ``needs`` names the matrices that must exist among W, R, S and R_L: without
    W no transposed operation with the weight is done. ``operands`` are as written. On the fixed probes:
    ``is_zero`` and ``is_constant`` hold for every step, ``is_nan`` where any value is no finite float32
    number, which is what children are trained in. ``carries_error`` is as the function of that name has it.
    ``cosine_to_backprop`` is the mean cosine between what the equation and plain backprop send down, in
    [−1, 1], None where it is undefined; feedback alignment starts near 0.
    """

    complexity: int
    needs: frozenset[str]
    operands: frozenset[str]
    uses_running_statistics: bool
    uses_noise: bool
    uses_dropout: bool
    carries_error: bool
    is_constant: bool
    is_zero: bool
    is_nan: bool
    cosine_to_backprop: float | None

    def as_json(self) -> dict[str, Any]:
        """The facts as JSON-ready values; sets as sorted lists."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: sorted(v) if isinstance(v, frozenset) else v for name, v in values.items()}


def facts(equation: Equation) -> EquationFacts:
    """Facts of a feasible equation. Raises InfeasibleEquation for others."""
    simple = canonical(equation)
    values = responses(simple)
    operands, unaries = live_operands(simple), live_unaries(simple)
    finite = all(bool((np.abs(value) <= _MAX_FLOAT32).all()) for value in values)
    return EquationFacts(
        complexity=_complexity(simple, operands, unaries),
        needs=frozenset().union(*(OPERANDS[operand.name].needs for operand in operands)),
        operands=frozenset(operand.name for operand in operands),
        uses_running_statistics=any(o.statistic != "value" for o in operands)
        or any(UNARIES[u.name].remembers for u in unaries),
        uses_noise=any(u.name in ("add_noise", "scale_noise") for u in unaries),
        uses_dropout=any(u.name == "drop" for u in unaries),
        carries_error=carries_error(simple),
        is_constant=finite and all(_is_constant(value) for value in values),
        is_zero=finite and not any(value.any() for value in values),
        is_nan=not finite,
        cosine_to_backprop=_mean_cosine(values) if finite else None,
    )


def carries_error(equation: Equation) -> bool:
    """Whether anything that is computed comes from the loss. Without, nothing below the classifier learns.

    Of the equation as it is written: algebra may still take the error out (``g - g``), so ask its canonical
    form. Running statistics of a signal count as carrying it.
    """
    return any(operand_carries_error(operand.name) for operand in live_operands(equation))


def operand_carries_error(name: str) -> bool:
    """Whether the operand of that name, or what it is the product of, is a signal that comes from the
    loss."""
    product = OPERANDS[name].product
    if product is None:
        return name in SIGNALS
    return operand_carries_error(product.left) or operand_carries_error(product.right)


def live_unaries(equation: Equation) -> tuple[Unary, ...]:
    """The unary functions that are computed."""
    lefts = [operation.left_unary for operation in equation.operations]
    rights = [operation.right_unary for operation in equation.operations if operation.binary != "left"]
    return (*lefts, *rights)


def _complexity(equation: Equation, operands: Sequence[Operand], unaries: Sequence[Unary]) -> int:
    functions = sum(unary.name != "identity" for unary in unaries)
    binaries = sum(operation.binary != "left" for operation in equation.operations)
    statistics = sum(operand.statistic != "value" for operand in operands)
    return len(operands) + functions + binaries + statistics


def _is_constant(value: Array) -> bool:
    # a spread of rounding errors alone, in float64
    return bool(np.ptp(value) <= 1e-9 * np.abs(value).max())


def _mean_cosine(values: Sequence[Array]) -> float | None:
    steps = [step for probe in probes() for step in probe if step.is_real]
    cosines = []
    for value, step in zip(values, steps, strict=False):  # those of no real site come last
        g = step.operands[Operand("g")]
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(value) * np.linalg.norm(g)
            cosine = float((value * g).sum() / lengths) if lengths > 0 else float("nan")
        if np.isfinite(cosine):
            cosines.append(cosine)
    return max(-1.0, min(1.0, float(np.mean(cosines)))) if cosines else None
