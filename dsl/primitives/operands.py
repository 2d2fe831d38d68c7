"""The operands: what an equation may look at, one row each, and their running statistics."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dsl import layout
from dsl.equation import Statistic
from dsl.layout import DOT, ODOT, Layout
from dsl.precedence import PRODUCT
from dsl.primitives.rows import OperandRow, Product, Shape, StatisticRow


def _symbol(base: str, below: str, pre: bool = False) -> Layout:
    # One element a letter: a browser sets two letters of one element upright, as a word.
    parts = layout.Layout(below, f"<mrow>{''.join(f'<mi>{each}</mi>' for each in below)}</mrow>")
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
_PARTIAL = layout.operator(r"\partial", "∂")


def _derivative(of: Layout, by: Layout) -> Layout:
    return layout.fraction(layout.row(_PARTIAL, of), layout.row(_PARTIAL, by))


_DH = _derivative(_H, _H_PRE)
_B_NEXT_R, _B_TOP_R_L = (layout.infix(DOT, b, r, PRODUCT) for b, r in ((_B_NEXT, _R), (_B_TOP, _R_L)))


def _masked(x: Layout) -> Layout:
    return layout.row(layout.fenced(x), ODOT, _DH, level=PRODUCT)


_THROUGH = (
    "W in a layer's equation is the matrix between the site's h and h_next_pre: the paper writes "
    "W_i but multiplies b_{i+1}^p by R_i, which fits only there."
)

#: By name, in the order of the tables in ``docs/language.md``.
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
                decision=(
                    "Written sgn_W, so that it differs from the unary sgn applied to W; both "
                    "mean the same and the canonical form is this one."
                ),
            ),
            OperandRow(
                "R",
                Shape.WEIGHT,
                "R",
                _R,
                frozenset("R"),
                decision=(
                    "Standard deviation sqrt(2 / fan_in), that of W's initialisation: the signal "
                    "then keeps its scale from layer to layer."
                ),
                also=("R_i",),
            ),
            OperandRow(
                "S",
                Shape.WEIGHT,
                "S",
                _S,
                frozenset("S"),
                decision=(
                    "Entries −1 and +1 with probability 1/2 each: with {0, 1} the common mean "
                    "would drown the signal."
                ),
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
                decision=(
                    "The loss gradient at the network's output; per sample whatever factor the "
                    "loss's mean put in."
                ),
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
                Product("multiply", "b_next_W", "dh"),
                decision="(b_next @ W) * dh, plain backprop.",
                also=("g_i^p", "g^p", "g_i", "b_{i+1}^p ∂h_{i+1}^p/∂h_i^p", "b_{i+1}^p · ∂h_{i+1}^p/∂h_i^p"),
            ),
            OperandRow(
                "b_next_W",
                Shape.IN,
                "b_next_W",
                layout.row(_B_NEXT, _derivative(_H_NEXT_PRE, _H), level=PRODUCT),
                frozenset("W"),
                Product("matmul", "b_next", "W"),
                also=("b_{i+1}^p ∂h_{i+1}^p/∂h_i", "b_{i+1}^p · ∂h_{i+1}^p/∂h_i"),
            ),
            OperandRow(
                "b_next_R",
                Shape.IN,
                "b_next_R",
                _B_NEXT_R,
                frozenset("R"),
                Product("matmul", "b_next", "R"),
            ),
            OperandRow(
                "b_next_R_dh",
                Shape.IN,
                "b_next_R_dh",
                _masked(_B_NEXT_R),
                frozenset("R"),
                Product("multiply", "b_next_R", "dh"),
            ),
            OperandRow(
                "b_top_R_L",
                Shape.IN,
                "b_top_R_L",
                _B_TOP_R_L,
                frozenset({"R_L"}),
                Product("matmul", "b_top", "R_L"),
            ),
            OperandRow(
                "b_top_R_L_dh",
                Shape.IN,
                "b_top_R_L_dh",
                _masked(_B_TOP_R_L),
                frozenset({"R_L"}),
                Product("multiply", "b_top_R_L", "dh"),
            ),
        )
    }
)

_PER_UNIT = (
    "Taken over the first axis, the samples (the rows of the matrix that A reshapes tensors to; for a "
    "weight its output units), so the value has one row, shape (1, *), and broadcasts: per-tensor scalars "
    "would make several Table 1 rows degenerate (m̂ divided by its own norm), one row costs no more memory "
    "than one sample, and the last, shorter batch fits. Starts at the first batch's value, which needs no "
    "bias correction."
)

#: By name; each applies to every operand.
STATISTICS: Mapping[Statistic, StatisticRow] = MappingProxyType(
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
                decision=(
                    "Root of the running average of the batch's variance (divided by n, so one "
                    "sample gives 0). "
                )
                + _PER_UNIT,
            ),
            StatisticRow(
                "normalised",
                "bn",
                lambda x: layout.call(layout.word("bn"), x),
                decision=(
                    "(x − mean(x)) / max(std(x), EPSILON) with the running values that include "
                    "the present batch."
                ),
            ),
        )
    }
)
