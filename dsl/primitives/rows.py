"""The form of a table row, and the constants that rows share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from dsl.equation import Statistic
from dsl.layout import Layout

INF = float("inf")

#: Divisors are kept at least this far from zero. The value is the customary one for normalisation.
EPSILON = 1e-12

#: Constants that the paper leaves open (of scale and shift) may be this large: the product of all six that a
#: chain can have stays below float32's largest.
MAX_CONSTANT = 1e6

#: m ← RUNNING · m + (1 − RUNNING) · batch (A: "running averages with factor r = 0.9").
RUNNING = 0.9


class Shape(Enum):
    """What a value's axes are; feasibility is decided by these alone.

    ``…_T`` is another one transposed. A weight is no matrix of its own but the linear operation between input
    and output, whose matrix a convolution never builds.
    """

    IN = "sample × input"
    OUT = "sample × output"
    TOP = "sample × classes"
    WEIGHT = "weight"
    RTOP = "classes × input"
    WEIGHT_T = "transposed weight"
    RTOP_T = "input × classes"
    IN_T = "input × sample"
    OUT_T = "output × sample"
    TOP_T = "classes × sample"
    BATCH = "sample × sample"
    CLASS_OUT = "classes × output"
    CLASS_OUT_T = "output × classes"
    CLASS = "classes × classes"

    @property
    def axes(self) -> tuple[str, str]:
        """What rows and columns are where a value is read as a matrix: sample, input, output or classes."""
        return _AXES[self]


def _axes(shape: Shape) -> tuple[str, str]:
    of_weight = {Shape.WEIGHT: ("output", "input"), Shape.WEIGHT_T: ("input", "output")}
    rows, _, columns = shape.value.partition(" × ")
    return of_weight.get(shape, (rows, columns))


_AXES = {shape: _axes(shape) for shape in Shape}


@dataclass(frozen=True, slots=True)
class Product:
    """What an operand is the product of: ``binary(left, right)``, both operands of the language."""

    binary: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class OperandRow:
    """``needs`` names the matrices that have to exist: W (through it or by itself), R, S, R_L.

    ``product`` is set for operands that are products of others: the text of the product is read as the
    operand where an operation cannot stand, and the canonical form of the operation is the operand.
    """

    name: str
    shape: Shape
    text: str
    layout: Layout
    needs: frozenset[str] = frozenset()
    product: Product | None = None
    also: tuple[str, ...] = ()
    source: str = "A"
    decision: str = ""


@dataclass(frozen=True, slots=True)
class StatisticRow:
    """A running statistic of an operand; ``function`` is how it is written."""

    name: Statistic
    function: str
    layout: Callable[[Layout], Layout]
    decision: str = ""


@dataclass(frozen=True, slots=True)
class UnaryRow:
    """``text`` is the notation, with ``x`` for the argument and ``c`` for the constant; ``also`` is
    understood too.

    ``constants`` is the grid that is searched. ``any_constant`` says that other finite constants are
    equations as well, because the paper lists none. ``shape`` is "same" or "transposed". ``by_axis`` says
    that rows and columns are treated differently, so that u(x.T) is not u(x).T.
    """

    name: str
    text: str
    layout: Callable[[Layout, Layout], Layout]
    constants: tuple[float, ...] = ()
    any_constant: bool = False
    shape: str = "same"
    random: bool = False
    remembers: bool = False
    by_axis: bool = False
    also: tuple[str, ...] = ()
    decision: str = ""

    def permits(self, constant: float) -> bool:
        """Whether ``constant`` makes an equation of the language, searched or not."""
        return constant in self.constants or (self.any_constant and abs(constant) <= MAX_CONSTANT)


@dataclass(frozen=True, slots=True)
class BinaryRow:
    """``shape`` is "elementwise", "matmul" or "left"; ``text`` has ``x`` and ``y`` for the arguments."""

    name: str
    text: str
    layout: Callable[[Layout, Layout], Layout]
    shape: str = "elementwise"
    commutes: bool = False
    decision: str = ""
