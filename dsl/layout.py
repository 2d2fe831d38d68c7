"""How mathematics is set: one small tree per formula, rendered to LaTeX and to MathML.

A node knows how tightly it binds, so that parentheses appear where they are needed and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from dsl.precedence import ATOM, POWER, PRODUCT, SUM


@dataclass(frozen=True, slots=True)
class Layout:
    """A formula, set twice. ``level`` is one of ``dsl.precedence``."""

    latex: str
    mathml: str
    level: int = ATOM


def identifier(latex: str, character: str | None = None) -> Layout:
    """A variable, in italics; ``character`` is what MathML shows where that is no LaTeX."""
    return Layout(latex, f"<mi>{escape(character or latex)}</mi>")


def operator(latex: str, character: str | None = None, level: int = ATOM) -> Layout:
    """An operator's sign, or a part of one; ``character`` as for ``identifier``."""
    return Layout(latex, f"<mo>{escape(character or latex)}</mo>", level)


def word(name: str) -> Layout:
    """A function's name, upright."""
    return Layout(rf"\operatorname{{{name}}}", f'<mi mathvariant="normal">{escape(name)}</mi>')


def number(value: float) -> Layout:
    """A constant; infinite ones as ∞, negative ones bind like sums."""
    if value in (float("inf"), float("-inf")):
        sign = "-" if value < 0 else ""
        return Layout(rf"{sign}\infty", f"<mn>{'−' if sign else ''}∞</mn>")
    shown = f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return Layout(shown, f"<mn>{shown.replace('-', '−')}</mn>", SUM if value < 0 else ATOM)


def row(*parts: Layout, level: int = ATOM) -> Layout:
    """The parts side by side."""
    return Layout(
        " ".join(part.latex for part in parts),
        f"<mrow>{''.join(part.mathml for part in parts)}</mrow>",
        level,
    )


def fenced(
    x: Layout, left: str = "(", right: str = ")", latex: tuple[str, str] = (r"\left(", r"\right)")
) -> Layout:
    """``x`` between two delimiters."""
    return Layout(
        f"{latex[0]}{x.latex}{latex[1]}", f"<mrow><mo>{left}</mo>{x.mathml}<mo>{right}</mo></mrow>", ATOM
    )


def at_least(x: Layout, level: int) -> Layout:
    """``x`` in parentheses if it binds more loosely than ``level``."""
    return x if x.level >= level else fenced(x)


def sub(x: Layout, below: Layout) -> Layout:
    """``x`` with ``below`` as its index."""
    return Layout(f"{x.latex}_{{{below.latex}}}", f"<msub>{x.mathml}{below.mathml}</msub>", x.level)


def sup(x: Layout, above: Layout) -> Layout:
    """``x`` to the power ``above``, or with it as a mark."""
    x = at_least(x, ATOM)
    return Layout(f"{{{x.latex}}}^{{{above.latex}}}", f"<msup>{x.mathml}{above.mathml}</msup>", POWER)


def sub_sup(x: Layout, below: Layout, above: Layout) -> Layout:
    """``x`` with an index and a mark above it."""
    return Layout(
        f"{x.latex}_{{{below.latex}}}^{{{above.latex}}}",
        f"<msubsup>{x.mathml}{below.mathml}{above.mathml}</msubsup>",
    )


def hat(x: Layout) -> Layout:
    """``x`` with a hat."""
    return Layout(rf"\hat{{{x.latex}}}", f'<mover accent="true">{x.mathml}<mo>^</mo></mover>')


def fraction(top: Layout, bottom: Layout) -> Layout:
    """``top`` over ``bottom``."""
    return Layout(
        rf"\frac{{{top.latex}}}{{{bottom.latex}}}", f"<mfrac>{top.mathml}{bottom.mathml}</mfrac>", PRODUCT
    )


def root(x: Layout) -> Layout:
    """The square root of ``x``."""
    return Layout(rf"\sqrt{{{x.latex}}}", f"<msqrt>{x.mathml}</msqrt>")


def call(function: Layout, *arguments: Layout) -> Layout:
    """A function of arguments in parentheses."""
    inside = arguments[0]
    for argument in arguments[1:]:
        inside = row(inside, operator(","), argument)
    return row(function, fenced(inside))


def magnitude(x: Layout) -> Layout:
    """|x|."""
    return fenced(x, "|", "|", (r"\left|", r"\right|"))


def multiple(factor: Layout, x: Layout) -> Layout:
    """A number before what it multiplies. That may begin with a word, before which LaTeX leaves a gap by
    itself and MathML does not."""
    gap = '<mspace width="0.17em"></mspace>'
    return Layout(f"{factor.latex} {x.latex}", f"<mrow>{factor.mathml}{gap}{x.mathml}</mrow>", PRODUCT)


def infix(symbol: Layout, x: Layout, y: Layout, level: int) -> Layout:
    """x symbol y; what stands on the right binds one step tighter, as the operators associate to the left."""
    return row(at_least(x, level), symbol, at_least(y, min(level + 1, ATOM)), level=level)


DOT, ODOT = operator(r"\cdot", "·"), operator(r"\odot", "⊙")
