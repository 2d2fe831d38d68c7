"""What a mutation changed, in words: component by component along the genome."""

from __future__ import annotations

from itertools import zip_longest

from dsl.equation import Equation, Operand, Unary

ORDINALS = ("first", "second", "third")


def describe_change(parent: Equation, child: Equation) -> str:
    """For example ``right operand: h → g; binary: mul → add``; the operation is named where there are
    several."""
    changes: list[str] = []
    if parent.first != child.first:
        changes.append(f"left operand: {_operand(parent.first)} → {_operand(child.first)}")
    several = max(len(parent.operations), len(child.operations)) > 1
    for place, (before, after) in enumerate(zip_longest(parent.operations, child.operations)):
        name = f" of the {ORDINALS[place]} operation" if several else ""
        if before is None or after is None:
            changes.append(f"{'appended' if before is None else 'dropped'} the {ORDINALS[place]} operation")
            continue
        parts = (
            ("left unary", _unary(before.left_unary), _unary(after.left_unary)),
            ("right operand", _operand(before.right), _operand(after.right)),
            ("right unary", _unary(before.right_unary), _unary(after.right_unary)),
            ("binary", before.binary, after.binary),
        )
        changes += [f"{part}{name}: {old} → {new}" for part, old, new in parts if old != new]
    return "; ".join(changes) or "nothing"


def _operand(operand: Operand) -> str:
    return operand.name if operand.statistic == "value" else f"{operand.statistic}({operand.name})"


def _unary(unary: Unary) -> str:
    return unary.name if unary.constant is None else f"{unary.name}[{unary.constant:g}]"
