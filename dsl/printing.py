"""Equation to text, LaTeX, MathML and JSON, and back from JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from dsl import layout
from dsl.equation import IDENTITY, MAX_OPERATIONS, Equation, Operand, Operation, Unary
from dsl.errors import EquationError
from dsl.layout import Layout
from dsl.notation import BINARY_TEXT, FILLER, argument_text, unary_text
from dsl.primitives import BINARIES, OPERANDS, STATISTICS, UNARIES, UnaryRow


def to_text(equation: Equation) -> str:
    """The equation as one types it. ``parse`` gives the same equation back."""
    operations = equation.operations
    text, level = argument_text(operations[0].left_unary, equation.first)
    last = len(operations) - 1
    for index, operation in enumerate(operations):
        if index:
            unary = operation.left_unary
            if unary.name != "identity":
                written = unary_text(unary)
                text, level = written.of(text, level), written.level
        if operation.binary == "left" and _is_implied(operations, index, last):
            continue
        written_binary = BINARY_TEXT[operation.binary]
        wants_left, wants_right = written_binary.wants
        right, right_level = argument_text(operation.right_unary, operation.right)
        if level < wants_left:
            text = f"({text})"
        if right_level < wants_right:
            right = f"({right})"
        text = f"{written_binary.before}{text}{written_binary.between}{right}{written_binary.after}"
        level = written_binary.level
    return text


def _is_implied(operations: tuple[Operation, ...], index: int, last: int) -> bool:
    """Whether this operation only keeps its left side, in a way that the text need not say."""
    operation = operations[index]
    if operation.right != FILLER or operation.right_unary != IDENTITY:
        return False
    if operation.left_unary == IDENTITY:
        return last == 0
    return index == last or operations[index + 1].left_unary != IDENTITY


# Mathematics ------------------------------------------------------------------------------------------------


def to_latex(equation: Equation) -> str:
    """The right side of b_i^p ← … as LaTeX, in the paper's symbols. What ``left`` ignores is not shown."""
    return _layout(equation).latex


def to_mathml(equation: Equation) -> str:
    """The same as a MathML element, with the text as its alternative."""
    return (
        '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" '
        f'alttext="{escape(to_text(equation), quote=True)}">{_layout(equation).mathml}</math>'
    )


def _layout(equation: Equation) -> Layout:
    value = _operand_layout(equation.first)
    for operation in equation.operations:
        value = _unary_layout(operation.left_unary, value)
        if operation.binary != "left":
            right = _unary_layout(operation.right_unary, _operand_layout(operation.right))
            value = BINARIES[operation.binary].layout(value, right)
    return value


def _operand_layout(operand: Operand) -> Layout:
    plain = OPERANDS[operand.name].layout
    return plain if operand.statistic == "value" else STATISTICS[operand.statistic].layout(plain)


def _unary_layout(unary: Unary, x: Layout) -> Layout:
    constant = layout.number(unary.constant) if unary.constant is not None else layout.identifier("c")
    return UNARIES[unary.name].layout(x, constant)


def unary_layout(row: UnaryRow) -> str:
    """LaTeX of a unary function, of x and with c for its constant."""
    return row.layout(layout.identifier("x"), layout.identifier("c")).latex


# JSON -------------------------------------------------------------------------------------------------------


def to_json(equation: Equation) -> dict[str, Any]:
    """The equation as JSON-ready values, component by component; infinite constants as "inf" and "-inf"."""
    return {
        "first": _operand_json(equation.first),
        "operations": [
            {
                "left_unary": _unary_json(operation.left_unary),
                "right": _operand_json(operation.right),
                "right_unary": _unary_json(operation.right_unary),
                "binary": operation.binary,
            }
            for operation in equation.operations
        ],
    }


def _operand_json(operand: Operand) -> dict[str, Any]:
    return {"name": operand.name, "statistic": operand.statistic}


def _unary_json(unary: Unary) -> dict[str, Any]:
    constant = unary.constant
    shown = str(constant) if constant is not None and math.isinf(constant) else constant
    return {"name": unary.name, "constant": shown}


def from_json(value: object) -> Equation:
    """The equation that ``to_json`` wrote. Raises EquationError naming the member that is wrong."""
    first, operations = _members(value, "the equation", "first", "operations")
    if not isinstance(operations, list) or not 1 <= len(operations) <= MAX_OPERATIONS:
        raise EquationError(f"operations must be a list of 1 to {MAX_OPERATIONS}")
    return Equation(
        _operand_from(first, "first"),
        tuple(_operation_from(item, f"operations[{index}]") for index, item in enumerate(operations)),
    )


def _operation_from(value: object, where: str) -> Operation:
    left, right, right_unary, binary = _members(value, where, "left_unary", "right", "right_unary", "binary")
    if not isinstance(binary, str) or binary not in BINARIES:
        raise EquationError(f"{where}.binary must be one of {', '.join(BINARIES)}")
    return Operation(
        _unary_from(left, f"{where}.left_unary"),
        _operand_from(right, f"{where}.right"),
        _unary_from(right_unary, f"{where}.right_unary"),
        binary,
    )


def _operand_from(value: object, where: str) -> Operand:
    name, statistic = _members(value, where, "name", "statistic")
    if not isinstance(name, str) or name not in OPERANDS:
        raise EquationError(f"{where}.name must be one of {', '.join(OPERANDS)}")
    if statistic not in ("value", *STATISTICS):
        raise EquationError(f"{where}.statistic must be one of value, {', '.join(STATISTICS)}")
    return Operand(name, statistic)


def _unary_from(value: object, where: str) -> Unary:
    name, constant = _members(value, where, "name", "constant")
    if not isinstance(name, str) or name not in UNARIES:
        raise EquationError(f"{where}.name must be one of {', '.join(UNARIES)}")
    row = UNARIES[name]
    if not row.constants:
        if constant is not None:
            raise EquationError(f"{where}.constant must be null: {name} takes none")
        return Unary(name)
    if isinstance(constant, bool) or not isinstance(constant, int | float | str):
        raise EquationError(f"{where}.constant must be a number")
    number = (
        {"inf": math.inf, "-inf": -math.inf}.get(constant) if isinstance(constant, str) else float(constant)
    )
    if number is None or not row.permits(number):
        raise EquationError(f"{where}.constant must be one of {', '.join(map(str, row.constants))}")
    return Unary(name, number)


def _members(value: object, where: str, *names: str) -> tuple[Any, ...]:
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise EquationError(f"{where} must be an object with the members {', '.join(names)}")
    return tuple(value[name] for name in names)
