"""The unary functions, one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from dsl import layout
from dsl.layout import ODOT, Layout
from dsl.precedence import POWER, PRODUCT, SUM
from dsl.primitives.rows import EPSILON, INF, UnaryRow

_NORMS = (0.0, 1.0, 2.0, -INF, INF)
#: The paper's grid of both noises and of clip.
_FRACTIONS = (0.01, 0.1, 0.5, 1.0)
_FLOOR = (
    f"Divides by max(norm, {EPSILON:g}): the norms 0 and −inf of masked signals often are 0, and "
    "a floor leaves larger norms exact."
)
_ANY = "The paper lists no values; the grid is the one seen in its Table 1."


#: Characters of LaTeX; the norm of a longer argument, which stands above it, has a dot in its place.
_MAX_IN_NORM = 120


def _over(kind: str | None, p: str | None = None) -> Callable[[Layout, Layout], Layout]:
    def build(x: Layout, c: Layout) -> Layout:
        inside = x if len(x.latex) <= _MAX_IN_NORM else layout.identifier(r"\cdot", "·")
        norm = layout.fenced(inside, "‖", "‖", (r"\left\lVert ", r" \right\rVert"))
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
    return layout.infix(ODOT, layout.call(layout.word("sgn"), x), what, PRODUCT)


def _shifted(x: Layout, c: Layout) -> Layout:
    if c.level == SUM:
        minus = layout.Layout(c.latex.removeprefix("-"), c.mathml.replace("−", ""))
        return layout.infix(layout.operator("-", "−"), x, minus, SUM)
    return layout.infix(layout.operator("+"), x, c, SUM)


def _scaled(x: Layout, c: Layout) -> Layout:
    return layout.multiple(c, layout.at_least(x, POWER))


#: By name, in the order of the tables in ``docs/language.md``.
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
                decision=(
                    "Of the matrix that A reshapes tensors to: samples in the rows, all other axes "
                    "joined in the columns. Of a weight the first two axes are exchanged, which is the "
                    "operation's own transpose."
                ),
            ),
            UnaryRow(
                "reciprocal",
                "1 / x",
                lambda x, _c: layout.fraction(layout.number(1), x),
                also=("reciprocal(x)",),
                decision=(
                    f"|x| is kept at {EPSILON:g} or more, with x's sign (that of 0 is +): masked "
                    "signals are full of zeros, and 0/0 stays 0."
                ),
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
                _FRACTIONS,
                random=True,
                also=("gnoise(c) + x",),
                decision="c is the standard deviation; drawn per entry, anew in every backward pass.",
            ),
            UnaryRow(
                "scale_noise",
                "x * (1 + gnoise(c))",
                lambda x, c: layout.infix(
                    ODOT,
                    x,
                    layout.row(layout.number(1), layout.operator("+"), _noise(c), level=SUM),
                    PRODUCT,
                ),
                _FRACTIONS,
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
                decision=(
                    "c is the probability of 0; what stays is divided by 1 − c, as in "
                    "TensorFlow, which the authors used: the expectation is x."
                ),
            ),
            UnaryRow("clip", "clip(x, c)", _subscripted("clip"), _FRACTIONS, decision="To [−c, c]."),
            UnaryRow(
                "per_elem",
                "x / elem(x, c)",
                _over("elem"),
                _NORMS,
                decision=(
                    "Vector norm of all entries; the 0-norm counts non-zeros, ±inf are max|x| and min|x|. "
                )
                + _FLOOR,
            ),
            UnaryRow(
                "per_col",
                "x / col(x, c)",
                _over("col"),
                _NORMS,
                by_axis=True,
                decision="Vector norm of each column: one per feature, over the samples. " + _FLOOR,
            ),
            UnaryRow(
                "per_row",
                "x / row(x, c)",
                _over("row"),
                _NORMS,
                by_axis=True,
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
                by_axis=True,
                decision=(
                    "Matrix norms: 1 is the largest absolute column sum, inf the largest and "
                    "−inf the smallest absolute row sum. "
                )
                + _FLOOR,
            ),
            UnaryRow(
                "standardise",
                "standardise(x)",
                _named("standardise"),
                remembers=True,
                by_axis=True,
                also=("standardize(x)",),
                decision=(
                    f"(x − m) / sqrt(max(q, {EPSILON:g}²)) with m and q the running averages of x "
                    "and x² over the first axis: the paper calls both m̂ and ŝ running averages "
                    "here, and the average of x² is the one whose root has x's unit. Not of values whose "
                    "columns are samples: each average would go on with another sample in the next batch."
                ),
            ),
        )
    }
)
