"""Rewrites of the canonical form that concern both sides of an operation, or two operations: signs, factors,
names of products, order.
"""

from __future__ import annotations

from dsl.composition import composed
from dsl.equation import IDENTITY, Equation, Operand, Operation, Unary
from dsl.notation import keep
from dsl.primitives import BINARIES, OPERANDS, UNARIES


def subtracted_factor(equation: Equation) -> Equation | None:
    """x − a·y = x + (−a)·y and x + (−a)·y = x − a·y: the factor that is left is positive."""
    for index, operation in enumerate(equation.operations):
        unary = operation.right_unary
        negative = unary.name == "negate" or (unary.name == "scale" and (unary.constant or 0.0) < 0)
        other = {"add": "subtract", "subtract": "add"}.get(operation.binary)
        if negative and other:
            positive = composed(Unary("negate"), unary)
            assert positive is not None
            return equation.with_operation(
                index, Operation(operation.left_unary, operation.right, positive, other)
            )
    return None


def negative_first(equation: Equation) -> Equation | None:
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


def factors_first(equation: Equation) -> Equation | None:
    """x ⊙ (a·y) = (a·x) ⊙ y, where a·x is still one function of x."""
    for index, operation in enumerate(equation.operations):
        unary = operation.right_unary
        if operation.binary in ("multiply", "matmul") and unary.name in ("scale", "negate"):
            factor = composed(unary, operation.left_unary)
            if factor is not None:
                return equation.with_operation(
                    index, Operation(factor, operation.right, IDENTITY, operation.binary)
                )
    return None


def factor_inside(equation: Equation) -> Equation | None:
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


def same_twice(equation: Equation) -> Equation | None:
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


def cubed(equation: Equation) -> Equation | None:
    """x² ⊙ x = x³."""
    head = equation.operations[0]
    names = {head.left_unary.name, head.right_unary.name}
    if head.binary == "multiply" and equation.first == head.right and names == {"square", "identity"}:
        return Equation(equation.first, (keep(Unary("cube")), *equation.operations[1:]))
    return None


def _operands_by_product() -> dict[tuple[str, str, str], str]:
    """The operands that are products, by binary function and factors, in both orders where these commute."""
    found = {}
    for name, row in OPERANDS.items():
        if row.product is not None:
            binary, left, right = row.product.binary, row.product.left, row.product.right
            found[binary, left, right] = name
            if BINARIES[binary].commutes:
                found[binary, right, left] = name
    return found


_OPERAND_OF_PRODUCT = _operands_by_product()


def named_product(equation: Equation) -> Equation | None:
    """b_next · W = b_next_W and so on, also with a factor; Wᵗ · b_nextᵗ = b_next_Wᵗ; b_next_W ⊙ dh = g."""
    head, kept = equation.operations[0], equation.operations[0].left_unary
    if head.right_unary == IDENTITY and kept.name in ("identity", "negate", "scale"):
        name = operand_of_product(head.binary, equation.first, head.right)
    elif head.binary == "matmul" and head.right_unary.name == kept.name == "transpose":
        name = operand_of_product(head.binary, head.right, equation.first)
    else:
        return None
    return None if name is None else Equation(Operand(name), (keep(kept), *equation.operations[1:]))


def operand_of_product(binary: str, left: Operand, right: Operand) -> str | None:
    """The operand that is this product; None where there is none."""
    if left.statistic != "value" or right.statistic != "value":
        return None
    return _OPERAND_OF_PRODUCT.get((binary, left.name, right.name))


_COMMUTE = frozenset(name for name, row in BINARIES.items() if row.commutes)


def ordered(equation: Equation) -> Equation | None:
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
