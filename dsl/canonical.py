"""The canonical form: equations that algebra makes equal become the same equation.

Each rule turns an equation into a simpler one that computes the same (up to rounding, and to what the floor
under divisors does to values of its size), or does not apply. They are applied until none does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dsl.composition import IDENTITY, NEVER_NEGATIVE, composed
from dsl.equation import Equation, Operand, Operation, Unary
from dsl.notation import FILLER, keep
from dsl.primitives import UNARIES

Rewrite = Callable[[Equation], Equation | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """``says`` is the rule in mathematics, for people."""

    name: str
    says: str
    apply: Rewrite


def canonical(equation: Equation) -> Equation:
    """The canonical form: feasible if ``equation`` is, of the same meaning, and its own canonical form."""
    for _ in range(_MOST_STEPS):
        for rule in RULES:
            simpler = rule.apply(equation)
            if simpler is not None:
                equation = simpler
                break
        else:
            return equation
    raise AssertionError(f"the rewrite rules do not come to an end: {equation}")


_MOST_STEPS = 200


def _with_operation(equation: Equation, index: int, *instead: Operation) -> Equation:
    operations = equation.operations
    return Equation(equation.first, (*operations[:index], *instead, *operations[index + 1 :]))


# Left -------------------------------------------------------------------------------------------------------


def _dead_branch(equation: Equation) -> Equation | None:
    for index, operation in enumerate(equation.operations):
        if operation.binary == "left" and (operation.right, operation.right_unary) != (FILLER, IDENTITY):
            return _with_operation(equation, index, keep(operation.left_unary))
    return None


def _merged_keep(equation: Equation) -> Equation | None:
    """left(u(x)) inside v is (v∘u)(x) where that is one function; left(x) at the end is x."""
    operations = equation.operations
    for index, operation in enumerate(operations[:-1]):
        following = operations[index + 1]
        if operation.binary == "left":
            both = composed(following.left_unary, operation.left_unary)
            if both is not None:
                merged = Operation(both, following.right, following.right_unary, following.binary)
                return Equation(equation.first, (*operations[:index], merged, *operations[index + 2 :]))
    if len(operations) > 1 and operations[-1] == keep(IDENTITY):
        return Equation(equation.first, operations[:-1])
    return None


# One function of an operand ---------------------------------------------------------------------------------


def _every_argument(rewrite: Callable[[Unary, Operand], tuple[Unary, Operand] | None]) -> Rewrite:
    """The rule that applies ``rewrite`` to the first argument and to every right one."""

    def apply(equation: Equation) -> Equation | None:
        head = equation.operations[0]
        changed = rewrite(head.left_unary, equation.first)
        if changed is not None:
            start = Operation(changed[0], head.right, head.right_unary, head.binary)
            return Equation(changed[1], (start, *equation.operations[1:]))
        for index, operation in enumerate(equation.operations):
            if operation.binary == "left":
                continue
            changed = rewrite(operation.right_unary, operation.right)
            if changed is not None:
                unary, operand = changed
                return _with_operation(
                    equation, index, Operation(operation.left_unary, operand, unary, operation.binary)
                )
        return None

    return apply


def _signs_of_weight(unary: Unary, operand: Operand) -> tuple[Unary, Operand] | None:
    if unary.name == "sgn" and operand in (Operand("W"), Operand("sgn_W")):
        return IDENTITY, Operand("sgn_W")
    return None


_OF_NEVER_NEGATIVE = {
    "abs": "identity",
    "relu": "identity",
    "sgn": "positive",
    "signed_sqrt": "sqrt",
    "signed_square": "square",
}


def _never_negative(unary: Unary, operand: Operand) -> tuple[Unary, Operand] | None:
    name = _OF_NEVER_NEGATIVE.get(unary.name)
    return (Unary(name), operand) if operand.statistic == "std" and name else None


_OF_ONE_ROW = {
    ("per_matrix", float("inf")): Unary("per_elem", 1.0),
    ("per_matrix", float("-inf")): Unary("per_elem", 1.0),
    ("per_matrix", 1.0): Unary("per_elem", float("inf")),
}


def _one_row(unary: Unary, operand: Operand) -> tuple[Unary, Operand] | None:
    if operand.statistic not in ("mean", "std"):
        return None
    if unary.name == "per_row":
        return Unary("per_elem", unary.constant), operand
    other = _OF_ONE_ROW.get((unary.name, unary.constant or 0.0))
    return (other, operand) if other is not None else None


# Functions anywhere -----------------------------------------------------------------------------------------


def _named_norm(equation: Equation) -> Equation | None:
    for index, operation in enumerate(equation.operations):
        left, right = _frobenius(operation.left_unary), _frobenius(operation.right_unary)
        if left is not operation.left_unary or right is not operation.right_unary:
            return _with_operation(equation, index, Operation(left, operation.right, right, operation.binary))
    return None


def _frobenius(unary: Unary) -> Unary:
    return Unary("per_fro") if unary == Unary("per_elem", 2.0) else unary


def _never_negative_chain(equation: Equation) -> Equation | None:
    """What ``_never_negative`` says, of a chain that was kept under a function that is never negative."""
    for index, operation in enumerate(equation.operations[1:], start=1):
        before = equation.operations[index - 1]
        name = _OF_NEVER_NEGATIVE.get(operation.left_unary.name)
        if name and before.binary == "left" and before.left_unary.name in NEVER_NEGATIVE:
            return _with_operation(
                equation,
                index,
                Operation(Unary(name), operation.right, operation.right_unary, operation.binary),
            )
    return None


# Sums and products ------------------------------------------------------------------------------------------


def _subtracted_factor(equation: Equation) -> Equation | None:
    """x − a·y = x + (−a)·y and x + (−a)·y = x − a·y: the factor that is left is positive."""
    for index, operation in enumerate(equation.operations):
        unary = operation.right_unary
        negative = unary.name == "negate" or (unary.name == "scale" and (unary.constant or 0.0) < 0)
        other = {"add": "subtract", "subtract": "add"}.get(operation.binary)
        if negative and other:
            positive = composed(Unary("negate"), unary)
            assert positive is not None
            return _with_operation(
                equation, index, Operation(operation.left_unary, operation.right, positive, other)
            )
    return None


def _negative_first(equation: Equation) -> Equation | None:
    """−x + y = y − x, for the first operation."""
    head = equation.operations[0]
    if head.binary != "add" or head.left_unary.name not in ("negate", "scale"):
        return None
    if head.left_unary.name == "scale" and (head.left_unary.constant or 0.0) > 0:
        return None
    positive = composed(Unary("negate"), head.left_unary)
    assert positive is not None
    swapped = Operation(head.right_unary, equation.first, positive, "subtract")
    return Equation(head.right, (swapped, *equation.operations[1:]))


def _factors_first(equation: Equation) -> Equation | None:
    """x ⊙ (a·y) = (a·x) ⊙ y, where a·x is still one function of x."""
    for index, operation in enumerate(equation.operations):
        unary = operation.right_unary
        if operation.binary in ("multiply", "matmul") and unary.name in ("scale", "negate"):
            factor = composed(unary, operation.left_unary)
            if factor is not None:
                return _with_operation(
                    equation, index, Operation(factor, operation.right, IDENTITY, operation.binary)
                )
    return None


def _factor_inside(equation: Equation) -> Equation | None:
    """a (x ⊙ y) = (a x) ⊙ y, also for quotients and products of matrices."""
    for index, operation in enumerate(equation.operations[1:], start=1):
        before, unary = equation.operations[index - 1], operation.left_unary
        if unary.name not in ("scale", "negate") or before.binary not in ("multiply", "divide", "matmul"):
            continue
        factor = composed(unary, before.left_unary)
        if factor is not None:
            one = Operation(factor, before.right, before.right_unary, before.binary)
            two = Operation(IDENTITY, operation.right, operation.right_unary, operation.binary)
            operations = equation.operations
            return Equation(equation.first, (*operations[: index - 1], one, two, *operations[index + 1 :]))
    return None


_SAME_TWICE = {"min": IDENTITY, "max": IDENTITY, "add": Unary("scale", 2.0), "multiply": Unary("square")}


def _same_twice(equation: Equation) -> Equation | None:
    """min(x, x) = max(x, x) = x, x + x = 2 x, x ⊙ x = x², unless x is random."""
    head = equation.operations[0]
    if (head.left_unary, equation.first) != (head.right_unary, head.right):
        return None
    outer = _SAME_TWICE.get(head.binary)
    if outer is None or UNARIES[head.left_unary.name].random:
        return None
    unary = composed(outer, head.left_unary)
    if unary is None:
        return None
    return Equation(equation.first, (keep(unary), *equation.operations[1:]))


def _cubed(equation: Equation) -> Equation | None:
    """x² ⊙ x = x³."""
    head = equation.operations[0]
    names = {head.left_unary.name, head.right_unary.name}
    if head.binary == "multiply" and equation.first == head.right and names == {"square", "identity"}:
        return Equation(equation.first, (keep(Unary("cube")), *equation.operations[1:]))
    return None


_PRODUCTS = {
    ("b_next_W", "dh"): "g",
    ("b_next_R", "dh"): "b_next_R_dh",
    ("b_top_R_L", "dh"): "b_top_R_L_dh",
}
_MATRIX_PRODUCTS = {
    ("b_next", "W"): "b_next_W",
    ("b_next", "R"): "b_next_R",
    ("b_top", "R_L"): "b_top_R_L",
}


def _product_with_a_name(equation: Equation) -> Equation | None:
    """b_next @ W = b_next_W and so on, also with a factor; b_next_W ⊙ dh = g and so on."""
    head = equation.operations[0]
    left, right = equation.first, head.right
    if head.right_unary != IDENTITY or left.statistic != "value" or right.statistic != "value":
        return None
    if head.left_unary.name not in ("identity", "negate", "scale"):
        return None
    if head.binary == "matmul":
        name = _MATRIX_PRODUCTS.get((left.name, right.name))
    elif head.binary == "multiply":
        name = _PRODUCTS.get((left.name, right.name)) or _PRODUCTS.get((right.name, left.name))
    else:
        name = None
    if name is None:
        return None
    return Equation(Operand(name), (keep(head.left_unary), *equation.operations[1:]))


_COMMUTE = ("add", "multiply", "min", "max")


def _ordered(equation: Equation) -> Equation | None:
    """Arguments that commute stand in one order, along runs of the same operation."""
    head = equation.operations[0]
    if head.binary in _COMMUTE:
        left, right = (equation.first, head.left_unary), (head.right, head.right_unary)
        if _order(*right, head.binary) < _order(*left, head.binary):
            swapped = Operation(right[1], left[0], left[1], head.binary)
            return Equation(right[0], (swapped, *equation.operations[1:]))
    return _ordered_run(equation)


def _ordered_run(equation: Equation) -> Equation | None:
    """(x + y) + z = (x + z) + y, and with y first where the run starts the chain."""
    operations = equation.operations
    for index in range(1, len(operations)):
        before, after = operations[index - 1], operations[index]
        if before.binary != after.binary or after.binary not in _COMMUTE or after.left_unary != IDENTITY:
            continue
        moved = _order(after.right, after.right_unary, after.binary)
        if moved < _order(before.right, before.right_unary, before.binary):
            one = Operation(before.left_unary, after.right, after.right_unary, before.binary)
            two = Operation(IDENTITY, before.right, before.right_unary, after.binary)
            return Equation(equation.first, (*operations[: index - 1], one, two, *operations[index + 1 :]))
    return None


def _order(operand: Operand, unary: Unary, binary: str) -> tuple[str, str, str, float]:
    """Factors in a product do not count: they all stand in the first place anyway."""
    if binary == "multiply" and unary.name in ("scale", "negate"):
        unary = IDENTITY
    return operand.name, operand.statistic, unary.name, unary.constant or 0.0


RULES: tuple[Rule, ...] = (
    Rule("dead branch", "left(x, y) = left(x, g)", _dead_branch),
    Rule("nested functions", "v(u(x)) = (v∘u)(x) where that is one function, left(x, ·) = x", _merged_keep),
    Rule("signs of W", "sgn(W) = sgn_W", _every_argument(_signs_of_weight)),
    Rule("Frobenius", "x / elem(x, 2) = x / fro(x)", _named_norm),
    Rule(
        "never negative",
        "|x| = x⁺ = x, sgn(x) = (x > 0), … of standard deviations",
        _every_argument(_never_negative),
    ),
    Rule("never negative chain", "the same of |x|, x⁺, (x > 0), x², √|x|", _never_negative_chain),
    Rule("one row", "row and matrix norms of m̂ and ŝ are norms of all entries", _every_argument(_one_row)),
    Rule("subtraction", "x − (−a) y = x + a y, x + (−a) y = x − a y", _subtracted_factor),
    Rule("negative first", "−a x + y = y − a x", _negative_first),
    Rule("factors first", "x ⊙ a y = a x ⊙ y, x · a y = a x · y", _factors_first),
    Rule(
        "factor inside", "a (x ⊙ y) = (a x) ⊙ y, a (x / y) = (a x) / y, a (x · y) = (a x) · y", _factor_inside
    ),
    Rule("same twice", "min(x, x) = max(x, x) = x, x + x = 2 x, x ⊙ x = x²", _same_twice),
    Rule("cube", "x² ⊙ x = x³", _cubed),
    Rule("names", "b_next @ W = b_next_W, b_next_W ⊙ dh = g, and for R and R_L", _product_with_a_name),
    Rule("order", "x + y = y + x, (x + y) + z = (x + z) + y; also ⊙, min, max", _ordered),
)
