"""The canonical form: equations that algebra makes equal become the same equation.

Each rewrite turns an equation into a simpler one that computes the same (up to rounding, and to what the
floor under divisors does to values of its size), or does not apply. They are applied until none does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dsl import binary_rewrites, unary_rewrites
from dsl.equation import Equation

#: Of 200,000 random equations none took more than 8 steps; so many mean that rewrites undo each other.
_MAX_STEPS = 200


@dataclass(frozen=True, slots=True)
class Rewrite:
    """``formula`` is the rewrite in mathematics, for people; ``apply`` gives None where it does not apply."""

    name: str
    formula: str
    apply: Callable[[Equation], Equation | None]


def canonical(equation: Equation) -> Equation:
    """The canonical form: feasible if ``equation`` is, of the same meaning, and its own canonical form."""
    for _ in range(_MAX_STEPS):
        for rewrite in REWRITES:
            simpler = rewrite.apply(equation)
            if simpler is not None:
                equation = simpler
                break
        else:
            return equation
    raise AssertionError(f"the rewrites do not come to an end: {equation}")


#: In the order in which they are tried; the table of ``docs/language.md`` is made of it.
REWRITES: tuple[Rewrite, ...] = (
    Rewrite("dead branch", "left(x, y) = left(x, g)", unary_rewrites.dead_branch),
    Rewrite(
        "nested functions",
        "v(u(x)) = (v∘u)(x) where that is one function, left(x, ·) = x",
        unary_rewrites.merged_left,
    ),
    Rewrite("signs of W", "sgn(W) = sgn_W", unary_rewrites.every_argument(unary_rewrites.signs_of_weight)),
    Rewrite("Frobenius", "x / elem(x, 2) = x / fro(x)", unary_rewrites.named_norm),
    Rewrite(
        "never negative",
        "|x| = x⁺ = x, sgn(x) = (x > 0), … of standard deviations",
        unary_rewrites.every_argument(unary_rewrites.never_negative),
    ),
    Rewrite(
        "never negative chain", "the same of |x|, x⁺, (x > 0), x², √|x|", unary_rewrites.never_negative_chain
    ),
    Rewrite(
        "one row",
        "row and matrix norms of m̂ and ŝ are norms of all entries",
        unary_rewrites.every_argument(unary_rewrites.one_row),
    ),
    Rewrite("subtraction", "x − (−a) y = x + a y, x + (−a) y = x − a y", binary_rewrites.subtracted_factor),
    Rewrite("negative first", "−a x + y = y − a x", binary_rewrites.negative_first),
    Rewrite("factors first", "x ⊙ a y = a x ⊙ y, x · a y = a x · y", binary_rewrites.factors_first),
    Rewrite(
        "factor inside",
        "a (x ⊙ y) = (a x) ⊙ y, a (x / y) = (a x) / y, a (x · y) = (a x) · y",
        binary_rewrites.factor_inside,
    ),
    Rewrite("same twice", "min(x, x) = max(x, x) = x, x + x = 2 x, x ⊙ x = x²", binary_rewrites.same_twice),
    Rewrite("cube", "x² ⊙ x = x³", binary_rewrites.cubed),
    Rewrite(
        "names", "b_next @ W = b_next_W, b_next_W ⊙ dh = g, and for R and R_L", binary_rewrites.named_product
    ),
    Rewrite("order", "x + y = y + x, (x + y) + z = (x + z) + y; also ⊙, min, max", binary_rewrites.ordered),
)
