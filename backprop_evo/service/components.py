"""What equations with a component came to, added up one by one: importance by operand, unary and binary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import sqrt

import dsl
from backprop_evo.equations import language_errors
from backprop_evo.errors import InvalidEquation
from backprop_evo.evaluation.statistics import half_width
from dsl.equation import Component, Operand, Unary
from dsl.primitives import BINARIES, OPERANDS, UNARIES

#: The three tables of the language, in the order in which they are shown.
OPERAND, UNARY, BINARY = "operand", "unary", "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """The mean validation accuracy of the ``n`` equations with this component minus ``against``, in [-1, 1],
    with the 95 % interval of that mean (None for n = 1). The same component twice counts once."""

    kind: str
    name: str
    n: int
    mean: float
    low: float | None
    high: float | None


@dataclass(slots=True)
class _Sum:
    """Welford 1962: squares of deviations, which do not cancel as squares of accuracies would."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        step = value - self.mean
        self.mean += step / self.n
        self.m2 += step * (value - self.mean)


@dataclass(slots=True)
class ComponentSums:
    """Grows by ``add``; ``equations`` is how many it holds."""

    equations: int = 0
    _sums: dict[tuple[str, str], _Sum] = field(default_factory=dict)

    def add(self, equation: str, accuracy: float) -> None:
        """Take in one equation that was trained to the end. One that this version does not read is left
        out."""
        try:
            with language_errors():
                parts = dsl.parse(equation).components
        except InvalidEquation:
            return
        self.equations += 1
        for key in {key_of(part) for part in parts}:
            self._sums.setdefault(key, _Sum()).add(accuracy)

    def importances(self, against: float) -> tuple[Importance, ...]:
        """Kind by kind, in each the greatest mean first."""
        return tuple(sorted(self._importances(against), key=_place))

    def _importances(self, against: float) -> Iterator[Importance]:
        # As it is now: another thread may be adding.
        for (kind, name), found in list(self._sums.items()):
            mean, n = found.mean - against, found.n
            reach = half_width(n, sqrt(found.m2 / (n - 1) / n)) if n > 1 else None
            yield Importance(
                kind=kind,
                name=name,
                n=n,
                mean=mean,
                low=None if reach is None else mean - reach,
                high=None if reach is None else mean + reach,
            )


def key_of(component: Component) -> tuple[str, str]:
    """Its table and its notation there. Statistics of an operand, and constants of a function, count as one:
    there are too many of them for each to be seen often."""
    if isinstance(component, Operand):
        return OPERAND, OPERANDS[component.name].text
    if isinstance(component, Unary):
        return UNARY, UNARIES[component.name].text
    return BINARY, BINARIES[component].text


def _place(importance: Importance) -> tuple[int, float, str]:
    return (OPERAND, UNARY, BINARY).index(importance.kind), -importance.mean, importance.name
