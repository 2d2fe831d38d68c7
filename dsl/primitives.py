"""The tables of the language: one row per operand, statistic, unary and binary function.

Source: Alber et al. 2018, appendix A ("A" below) and Table 1. Where the paper is silent, the row's ``decision`` says what
is done here and why. What a row means in numbers stands in ``dsl/reference.py`` (float64 numpy), to which every other
implementation is compared.

Shape classes: IN sample × input of the linear operation, OUT sample × its output, TOP sample × K classes, WEIGHT the
operation's weight, RTOP K × size of IN. WEIGHT_T and RTOP_T are those two transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from dsl import layout
from dsl.layout import PRODUCT, SUM, Layout

INF = float("inf")

#: Divisors are kept at least this far from zero. The value is the customary one for normalisation.
EPSILON = 1e-12

#: Constants that the paper leaves open (of scale and shift) may be this large.
LARGEST_CONSTANT = 1e6

#: m ← RUNNING · m + (1 − RUNNING) · batch (A: "running averages with factor r = 0.9").
RUNNING = 0.9


class Shape(Enum):
    """What a value's axes are; feasibility is decided by these alone."""

    IN = "sample × input"
    OUT = "sample × output"
    TOP = "sample × classes"
    WEIGHT = "weight"
    RTOP = "classes × input"
    WEIGHT_T = "transposed weight"
    RTOP_T = "input × classes"


@dataclass(frozen=True, slots=True)
class OperandRow:
    """``needs`` names the matrices that have to exist: W (through it or by itself), R, S, R_L."""

    name: str
    shape: Shape
    text: str
    layout: Layout
    needs: frozenset[str] = frozenset()
    also: tuple[str, ...] = ()
    source: str = "A"
    decision: str = ""


@dataclass(frozen=True, slots=True)
class StatisticRow:
    """A running statistic of an operand; ``function`` is how it is written."""

    name: str
    function: str
    layout: Callable[[Layout], Layout]
    source: str = "A"
    decision: str = ""


@dataclass(frozen=True, slots=True)
class UnaryRow:
    """``text`` is the notation, with ``x`` for the argument and ``c`` for the constant; ``also`` is understood too.

    ``constants`` is the grid that is searched. ``any_constant`` says that other finite constants are equations as well,
    because the paper lists none. ``shape`` is "same" or "transposed".
    """

    name: str
    text: str
    layout: Callable[[Layout, Layout], Layout]
    constants: tuple[float, ...] = ()
    any_constant: bool = False
    shape: str = "same"
    random: bool = False
    remembers: bool = False
    also: tuple[str, ...] = ()
    source: str = "A"
    decision: str = ""


@dataclass(frozen=True, slots=True)
class BinaryRow:
    """``shape`` is "elementwise", "matmul" or "left"; ``text`` has ``x`` and ``y`` for the arguments."""

    name: str
    text: str
    layout: Callable[[Layout, Layout], Layout]
    shape: str = "elementwise"
    commutes: bool = False
    also: tuple[str, ...] = ()
    source: str = "A"
    decision: str = ""


def _symbol(base: str, below: str, pre: bool = False) -> Layout:
    parts = layout.Layout(below, f"<mi>{below}</mi>")
    if "+" in below:
        parts = layout.row(layout.identifier("i"), layout.operator("+"), layout.number(1))
    return (
        layout.sub_sup(layout.identifier(base), parts, layout.identifier("p"))
        if pre
        else layout.sub(layout.identifier(base), parts)
    )


_H, _H_PRE, _H_NEXT_PRE = _symbol("h", "i"), _symbol("h", "i", True), _symbol("h", "i+1", True)
_B_NEXT, _B_TOP = _symbol("b", "i+1", True), _symbol("b", "L", True)
_W, _R, _S, _R_L = _symbol("W", "i"), _symbol("R", "i"), _symbol("S", "i"), _symbol("R", "Li")
_DOT, _ODOT = layout.operator(r"\cdot", "·"), layout.operator(r"\odot", "⊙")
_PARTIAL = layout.operator(r"\partial", "∂")


def _derivative(of: Layout, by: Layout) -> Layout:
    return layout.fraction(layout.row(_PARTIAL, of), layout.row(_PARTIAL, by))


_DH = _derivative(_H, _H_PRE)
_B_NEXT_R, _B_TOP_R_L = (layout.infix(_DOT, b, r, PRODUCT) for b, r in ((_B_NEXT, _R), (_B_TOP, _R_L)))


def _masked(x: Layout) -> Layout:
    return layout.row(layout.fenced(x), _ODOT, _DH, level=PRODUCT)


_THROUGH = "W in a layer's equation is the matrix between the site's h and h_next_pre: the paper writes W_i but multiplies b_{i+1}^p by R_i, which fits only there."

OPERANDS: Mapping[str, OperandRow] = MappingProxyType(
    {
        row.name: row
        for row in (
            OperandRow("W", Shape.WEIGHT, "W", _W, frozenset("W"), decision=_THROUGH, also=("W_i",)),
            OperandRow(
                "sgn_W",
                Shape.WEIGHT,
                "sgn_W",
                layout.call(layout.word("sgn"), _W),
                frozenset("W"),
                decision="Written sgn_W, so that it differs from the unary sgn applied to W; both mean the same and the canonical form is this one.",
            ),
            OperandRow(
                "R",
                Shape.WEIGHT,
                "R",
                _R,
                frozenset("R"),
                decision="Standard deviation sqrt(2 / fan_in), that of W's initialisation: the signal then keeps its scale from layer to layer.",
                also=("R_i",),
            ),
            OperandRow(
                "S",
                Shape.WEIGHT,
                "S",
                _S,
                frozenset("S"),
                decision="Entries −1 and +1 with probability 1/2 each: with {0, 1} the common mean would drown the signal.",
                also=("S_i",),
            ),
            OperandRow(
                "R_L",
                Shape.RTOP,
                "R_L",
                _R_L,
                frozenset({"R_L"}),
                decision="Standard deviation 1 / sqrt(K), so that b_top keeps its scale.",
                also=("R_Li", "R_{Li}"),
            ),
            OperandRow("h_pre", Shape.IN, "h_pre", _H_PRE, also=("h_i^p", "h^p")),
            OperandRow("h", Shape.IN, "h", _H, also=("h_i",)),
            OperandRow(
                "h_next_pre",
                Shape.OUT,
                "h_next_pre",
                _H_NEXT_PRE,
                decision="The linear operation's output with its bias.",
                also=("h_{i+1}^p", "h_next"),
            ),
            OperandRow(
                "b_top",
                Shape.TOP,
                "b_top",
                _B_TOP,
                decision="The loss gradient at the network's output; per sample whatever factor the loss's mean put in.",
                also=("b_L^p", "b_L"),
            ),
            OperandRow("b_next", Shape.OUT, "b_next", _B_NEXT, also=("b_{i+1}^p",)),
            OperandRow(
                "dh",
                Shape.IN,
                "dh",
                _DH,
                source="Table 1",
                decision="Not in A's list, but stands alone in Table 1.",
                also=("∂h", "∂h_i/∂h_i^p", "∂h_i / ∂h_i^p"),
            ),
            OperandRow(
                "g",
                Shape.IN,
                "g",
                layout.row(_B_NEXT, _derivative(_H_NEXT_PRE, _H_PRE), level=PRODUCT),
                frozenset("W"),
                decision="(b_next @ W) * dh, plain backprop.",
                also=("g_i^p", "g^p", "g_i", "b_{i+1}^p ∂h_{i+1}^p/∂h_i^p", "b_{i+1}^p · ∂h_{i+1}^p/∂h_i^p"),
            ),
            OperandRow(
                "b_next_W",
                Shape.IN,
                "b_next_W",
                layout.row(_B_NEXT, _derivative(_H_NEXT_PRE, _H), level=PRODUCT),
                frozenset("W"),
                also=("b_{i+1}^p ∂h_{i+1}^p/∂h_i", "b_{i+1}^p · ∂h_{i+1}^p/∂h_i"),
            ),
            OperandRow("b_next_R", Shape.IN, "b_next_R", _B_NEXT_R, frozenset("R")),
            OperandRow("b_next_R_dh", Shape.IN, "b_next_R_dh", _masked(_B_NEXT_R), frozenset("R")),
            OperandRow("b_top_R_L", Shape.IN, "b_top_R_L", _B_TOP_R_L, frozenset({"R_L"})),
            OperandRow("b_top_R_L_dh", Shape.IN, "b_top_R_L_dh", _masked(_B_TOP_R_L), frozenset({"R_L"})),
        )
    }
)

_PER_UNIT = (
    "Taken over the first axis, the samples (the rows of the matrix that A reshapes tensors to; for a weight its output "
    "units), so the value has one row, shape (1, *), and broadcasts: per-tensor scalars would make several Table 1 rows "
    "degenerate (m̂ divided by its own norm), one row costs no more memory than one sample, and the last, shorter batch "
    "fits. Starts at the first batch's value, which needs no bias correction."
)

STATISTICS: Mapping[str, StatisticRow] = MappingProxyType(
    {
        row.name: row
        for row in (
            StatisticRow(
                "mean",
                "mean",
                lambda x: layout.call(layout.hat(layout.identifier("m")), x),
                decision=_PER_UNIT,
            ),
            StatisticRow(
                "std",
                "std",
                lambda x: layout.call(layout.hat(layout.identifier("s")), x),
                decision="Root of the running average of the batch's variance (divided by n, so one sample gives 0). "
                + _PER_UNIT,
            ),
            StatisticRow(
                "normalised",
                "bn",
                lambda x: layout.call(layout.word("bn"), x),
                decision="(x − mean(x)) / max(std(x), EPSILON) with the running values that include the present batch.",
            ),
        )
    }
)

NORMS = (0.0, 1.0, 2.0, -INF, INF)
_FLOOR = f"Divides by max(norm, {EPSILON:g}): the norms 0 and −inf of masked signals often are 0, and a floor leaves larger norms exact."
_ANY = "The paper lists no values; the grid is the one seen in its Table 1."


def _over(kind: str | None, p: str | None = None) -> Callable[[Layout, Layout], Layout]:
    def build(x: Layout, c: Layout) -> Layout:
        norm = layout.fenced(layout.operator("."), "‖", "‖", (r"\lVert ", r"\rVert"))
        below = layout.word(p) if p else c
        below = layout.Layout(below.latex, below.mathml)
        return layout.fraction(
            x, layout.sub_sup(norm, below, layout.word(kind)) if kind else layout.sub(norm, below)
        )

    return build


def _noise(c: Layout) -> Layout:
    return layout.call(layout.word("gnoise"), c)


def _named(name: str) -> Callable[[Layout, Layout], Layout]:
    return lambda x, _c: layout.call(layout.word(name), x)


def _subscripted(name: str) -> Callable[[Layout, Layout], Layout]:
    return lambda x, c: layout.call(layout.sub(layout.word(name), c), x)


def _power(p: int) -> Callable[[Layout, Layout], Layout]:
    return lambda x, _c: layout.sup(x, layout.number(p))


def _rooted(x: Layout) -> Layout:
    return layout.root(layout.magnitude(x))


def _signed(x: Layout, what: Layout) -> Layout:
    return layout.infix(_ODOT, layout.call(layout.word("sgn"), x), what, PRODUCT)


def _shifted(x: Layout, c: Layout) -> Layout:
    if c.level == SUM:
        minus = layout.Layout(c.latex.removeprefix("-"), c.mathml.replace("−", ""))
        return layout.infix(layout.operator("-", "−"), x, minus, SUM)
    return layout.infix(layout.operator("+"), x, c, SUM)


def _scaled(x: Layout, c: Layout) -> Layout:
    return layout.row(c, layout.at_least(x, layout.POWER), level=PRODUCT)


UNARIES: Mapping[str, UnaryRow] = MappingProxyType(
    {
        row.name: row
        for row in (
            UnaryRow("identity", "x", lambda x, _c: x),
            UnaryRow(
                "transpose",
                "x.T",
                lambda x, _c: layout.sup(x, layout.identifier("t")),
                shape="transposed",
                also=("transpose(x)",),
                decision="The first two axes are exchanged. Weights and R_L only: a signal transposed fits nothing in the language.",
            ),
            UnaryRow(
                "reciprocal",
                "1 / x",
                lambda x, _c: layout.fraction(layout.number(1), x),
                also=("reciprocal(x)",),
                decision=f"|x| is kept at {EPSILON:g} or more, with x's sign (that of 0 is +): masked signals are full of zeros, and 0/0 stays 0.",
            ),
            UnaryRow("abs", "abs(x)", lambda x, _c: layout.magnitude(x)),
            UnaryRow(
                "negate",
                "-x",
                lambda x, _c: layout.row(layout.operator("-", "−"), layout.at_least(x, PRODUCT), level=SUM),
                also=("neg(x)",),
            ),
            UnaryRow(
                "positive",
                "x > 0",
                lambda x, _c: layout.sub(
                    layout.number(1), layout.row(x, layout.operator(">"), layout.number(0))
                ),
                also=("step(x)",),
                decision="1 where x > 0, else 0.",
            ),
            UnaryRow("relu", "relu(x)", lambda x, _c: layout.sup(x, layout.operator("+"))),
            UnaryRow("sgn", "sgn(x)", _named("sgn"), also=("sign(x)",), decision="sgn(0) = 0."),
            UnaryRow("sqrt", "sqrt(abs(x))", lambda x, _c: _rooted(x), also=("sqrt(x)",)),
            UnaryRow("signed_sqrt", "signed_sqrt(x)", lambda x, _c: _signed(x, _rooted(x))),
            UnaryRow("square", "x^2", _power(2), also=("square(x)",)),
            UnaryRow(
                "signed_square", "signed_square(x)", lambda x, _c: _signed(x, layout.sup(x, layout.number(2)))
            ),
            UnaryRow("cube", "x^3", _power(3), also=("cube(x)",)),
            UnaryRow("scale", "c * x", _scaled, (0.5, 2.0), True, also=("x * c",), decision=_ANY),
            UnaryRow(
                "shift",
                "x + c",
                _shifted,
                (-10.0, -0.5, -0.01, 0.01, 0.1, 2.0),
                True,
                also=("c + x",),
                decision=_ANY,
            ),
            UnaryRow(
                "add_noise",
                "x + gnoise(c)",
                lambda x, c: layout.infix(layout.operator("+"), x, _noise(c), SUM),
                (0.01, 0.1, 0.5, 1.0),
                random=True,
                also=("gnoise(c) + x",),
                decision="c is the standard deviation; drawn per entry, anew in every backward pass.",
            ),
            UnaryRow(
                "scale_noise",
                "x * (1 + gnoise(c))",
                lambda x, c: layout.infix(
                    _ODOT,
                    x,
                    layout.row(layout.number(1), layout.operator("+"), _noise(c), level=SUM),
                    PRODUCT,
                ),
                (0.01, 0.1, 0.5, 1.0),
                random=True,
                also=("(1 + gnoise(c)) * x", "x * (gnoise(c) + 1)", "(gnoise(c) + 1) * x"),
                decision="As above.",
            ),
            UnaryRow(
                "drop",
                "drop(x, c)",
                _subscripted("drop"),
                (0.01, 0.1, 0.3),
                random=True,
                decision="c is the probability of 0; what stays is divided by 1 − c, as in TensorFlow, which the authors used: the expectation is x.",
            ),
            UnaryRow(
                "clip", "clip(x, c)", _subscripted("clip"), (0.01, 0.1, 0.5, 1.0), decision="To [−c, c]."
            ),
            UnaryRow(
                "per_elem",
                "x / elem(x, c)",
                _over("elem"),
                NORMS,
                decision="Vector norm of all entries; the 0-norm counts non-zeros, ±inf are max|x| and min|x|. "
                + _FLOOR,
            ),
            UnaryRow(
                "per_col",
                "x / col(x, c)",
                _over("col"),
                NORMS,
                decision="Vector norm of each column: one per feature, over the samples. " + _FLOOR,
            ),
            UnaryRow(
                "per_row",
                "x / row(x, c)",
                _over("row"),
                NORMS,
                decision="Vector norm of each row: one per sample, over its features. " + _FLOOR,
            ),
            UnaryRow(
                "per_fro",
                "x / fro(x)",
                _over(None, "fro"),
                decision="Coincides with elem 2 on the same matrix. " + _FLOOR,
            ),
            UnaryRow(
                "per_matrix",
                "x / mat(x, c)",
                _over(None),
                (1.0, -INF, INF),
                decision="Matrix norms: 1 is the largest absolute column sum, inf the largest and −inf the smallest absolute row sum. "
                + _FLOOR,
            ),
            UnaryRow(
                "standardise",
                "standardise(x)",
                _named("standardise"),
                remembers=True,
                also=("standardize(x)",),
                decision=f"(x − m) / sqrt(max(q, {EPSILON:g}²)) with m and q the running averages of x and x² over the first axis: the paper calls both m̂ and ŝ running averages here, and the average of x² is the one whose root has x's unit.",
            ),
        )
    }
)

BINARIES: Mapping[str, BinaryRow] = MappingProxyType(
    {
        row.name: row
        for row in (
            BinaryRow(
                "add", "x + y", lambda x, y: layout.infix(layout.operator("+"), x, y, SUM), commutes=True
            ),
            BinaryRow("subtract", "x - y", lambda x, y: layout.infix(layout.operator("-", "−"), x, y, SUM)),
            BinaryRow("multiply", "x * y", lambda x, y: layout.infix(_ODOT, x, y, PRODUCT), commutes=True),
            BinaryRow(
                "divide", "x / y", layout.fraction, decision="The divisor is kept from zero as in 1 / x."
            ),
            BinaryRow(
                "matmul",
                "x @ y",
                lambda x, y: layout.infix(_DOT, x, y, PRODUCT),
                shape="matmul",
                decision="OUT @ WEIGHT is the linear operation's transpose (A: convolutions map to transposed convolutions), IN @ WEIGHT.T the operation without bias, TOP @ R_L the top signal's way down. Nothing else has one meaning for dense and convolutional layers.",
            ),
            BinaryRow(
                "left",
                "left(x, y)",
                lambda x, y: layout.call(layout.word("left"), x, y),
                shape="left",
                decision="x; y is never computed, so nothing about y matters. `left(x, g)` may be written `x`.",
            ),
            BinaryRow("min", "min(x, y)", lambda x, y: layout.call(layout.word("min"), x, y), commutes=True),
            BinaryRow("max", "max(x, y)", lambda x, y: layout.call(layout.word("max"), x, y), commutes=True),
        )
    }
)
