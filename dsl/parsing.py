"""Text to equation. The notation stands in the tables of primitives; nothing is ever evaluated as code."""

from __future__ import annotations

from difflib import get_close_matches

from dsl import notation
from dsl.equation import IDENTITY, MAX_OPERATIONS, Equation, Operand, Operation, Unary
from dsl.errors import EquationSyntaxError
from dsl.notation import BINARY_OF_SIGN, UNARY_PATTERNS, UnaryPattern, keep
from dsl.primitives import BINARIES, MAX_CONSTANT, OPERANDS, STATISTICS, UNARIES, UnaryRow
from dsl.syntax import Node

_DIVISORS = ("elem", "col", "row", "fro", "mat")


def parse(text: str) -> Equation:
    """The equation that ``text`` writes; it need not be feasible. ``parse(to_text(equation)) == equation``.

    Raises EquationSyntaxError with the column, what was expected and a hint.
    """
    tree = notation.tree(text)
    first, operations = _chain(tree)
    # Counted after reading: only then is it known what is one function and what is two.
    if len(operations) > MAX_OPERATIONS:
        raise EquationSyntaxError(
            f"an equation has at most {MAX_OPERATIONS} operations, this one has {len(operations)}",
            column=tree.column,
            hint="a function of a function counts as an operation too",
        )
    return Equation(first, operations)


_Chain = tuple[Operand, tuple[Operation, ...]]


def _chain(node: Node) -> _Chain:
    """What ``node`` computes as a chain of operations."""
    if _operand(node) is None:
        unary = _unary(node)
        if unary is not None:
            first, operations, left = _left_argument(node)
            return first, (*operations, keep(left))
        binary = _binary(node)
        if binary is not None:
            return _operation(binary, *node.children)
    operand = _operand(node)
    if operand is None:
        raise _not_understood(node)
    composed = _binary(node)
    if composed is not None:
        return _operation(composed, *node.children)
    return operand, (keep(IDENTITY),)


def _operation(binary: str, left: Node, right: Node) -> _Chain:
    # People write the long side on either side; the chain has it on the left.
    if BINARIES[binary].commutes and not _is_simple(right) and _is_simple(left):
        left, right = right, left
    first, operations, left_unary = _left_argument(left)
    right_operand, right_unary = _right_argument(right, binary)
    return first, (*operations, Operation(left_unary, right_operand, right_unary, binary))


def _left_argument(node: Node) -> tuple[Operand, tuple[Operation, ...], Unary]:
    """The chain so far and the function applied to it."""
    if _binary(node) is not None and _unary(node) is None and node.kind == "call":
        return *_chain(node), IDENTITY
    operand = _operand(node)
    if operand is not None:
        return operand, (), IDENTITY
    unary = _unary(node)
    if unary is None:
        raise _not_understood(node)
    function, inside = unary
    operand = _operand(inside) if _binary(inside) is None else None
    if operand is not None:
        return operand, (), function
    return *_chain(inside), function


def _is_simple(node: Node) -> bool:
    """Whether ``node`` is an operand with at most one function, so that it can stand on the right."""
    if _operand(node) is not None:
        return True
    unary = _unary(node)
    return unary is not None and _operand(unary[1]) is not None


def _right_argument(node: Node, binary: str) -> tuple[Operand, Unary]:
    operand = _operand(node)
    if operand is not None:
        return operand, IDENTITY
    unary = _unary(node)
    if unary is not None:
        operand = _operand(unary[1]) or _signs_of_weight(unary[1])
        if operand is not None:
            return operand, unary[0]
        if _unary(unary[1]) is None and _binary(unary[1]) is None:
            raise _not_understood(unary[1])
    elif _binary(node) is None:
        raise _not_understood(node)
    raise EquationSyntaxError(
        f"what stands on the right of {binary} must be one operand with at most one function",
        column=node.column,
        hint="an equation is a chain: put the longer side on the left",
    )


# Components -------------------------------------------------------------------------------------------------


def _operand(node: Node) -> Operand | None:
    name = _operand_name(node)
    if name is not None:
        return Operand(name)
    if node.kind == "call" and len(node.children) == 1:
        statistic = notation.statistic_of(str(node.value))
        if statistic is not None:
            inside = _operand(node.children[0]) or _signs_of_weight(node.children[0])
            if inside is None or inside.statistic != "value":
                raise _no_statistic(node)
            return Operand(inside.name, statistic)
    return None


def _operand_name(node: Node) -> str | None:
    if node.kind == "name" and node.value in OPERANDS:
        return str(node.value)
    return notation.operand_of_product(node)


def _signs_of_weight(node: Node) -> Operand | None:
    """sgn(W) where a function of a function could not stand; elsewhere it is the unary sgn of W."""
    return Operand("sgn_W") if node == _SGN_OF_W else None


def _no_statistic(node: Node) -> EquationSyntaxError:
    inside = node.children[0]
    if inside.kind == "name":
        return _not_understood(inside)
    return EquationSyntaxError(
        f"{node.value} takes an operand by itself, not an expression",
        column=inside.column,
        hint="running statistics exist for operands: mean(g), std(dh), bn(b_next_W)",
    )


def _unary(node: Node) -> tuple[Unary, Node] | None:
    """The unary function that ``node`` applies, and its argument."""
    if node.kind != "call":
        return None
    for pattern in UNARY_PATTERNS.get((node.value, len(node.children)), ()):
        found: dict[str, Node] = {}
        if notation.match(pattern.tree, node, found):
            return _bound(pattern, found), found["x"]
    return None


def _bound(pattern: UnaryPattern, found: dict[str, Node]) -> Unary:
    row = pattern.row
    if "c" not in found:
        return Unary(row.name)
    return Unary(row.name, _constant(row, found["c"]))


def _constant(row: UnaryRow, node: Node) -> float:
    # −0.0 becomes 0.0: equal constants have equal texts.
    value = float(node.value) + 0.0
    if row.permits(value):
        return value
    grid = notation.grid_text(row)
    if row.any_constant:
        message, hint = (
            f"the constant of {row.text} must be finite and at most {MAX_CONSTANT:g} in size",
            f"searched are {grid}",
        )
    else:
        message, hint = f"{value:g} is not in the grid of {row.text}", f"c is one of {grid}"
    raise EquationSyntaxError(message, column=node.column, hint=hint)


def _binary(node: Node) -> str | None:
    if node.kind == "call" and len(node.children) == 2:
        return BINARY_OF_SIGN.get(str(node.value))
    return None


# What went wrong --------------------------------------------------------------------------------------------


def _function_names() -> dict[str, str]:
    """Every function by name, with how it is written."""
    names = {str(p.tree.value): p.text for ps in UNARY_PATTERNS.values() for p in ps}
    names |= {row.function: f"{row.function}(x)" for row in STATISTICS.values()}
    names |= {str(notation.tree(row.text).value): row.text for row in BINARIES.values()}
    return {name: text for name, text in names.items() if name.isidentifier()}


def _not_understood(node: Node) -> EquationSyntaxError:
    value = str(node.value)
    if node.kind == "number":
        message, hint = "a number cannot stand by itself", "write it with an operand: 0.5 * g, g + 0.1"
    elif node.kind == "hole":
        message, hint = "'.' stands for what is divided, in x / fro(.) only", None
    elif node.kind == "name":
        if value in _FUNCTIONS:
            message, hint = f"{value} is a function and wants arguments", f"write {_FUNCTIONS[value]}"
        else:
            message, hint = f"unknown operand {_short(value)}", _nearest(value, list(OPERANDS))
    elif value in _DIVISORS or value == "gnoise":
        message, hint = f"{value} cannot stand by itself", f"write {_WHERE_USED[value]}, both x the same"
    elif value in _FUNCTIONS:
        message, hint = _wrong_arguments(node, value)
    elif value.isidentifier():
        message, hint = f"unknown function {_short(value)}", _nearest(value, [*_FUNCTIONS, *_WHERE_USED])
    else:
        return _inside(node)
    return EquationSyntaxError(message, column=node.column, hint=hint)


def _inside(node: Node) -> EquationSyntaxError:
    """An operator that is fine by itself: what is wrong is one of its arguments."""
    for child in node.children:
        if _operand(child) is None and _unary(child) is None and _binary(child) is None:
            return _not_understood(child)
    return EquationSyntaxError(f"{node.value!r} does not fit here", column=node.column)


def _wrong_arguments(node: Node, name: str) -> tuple[str, str]:
    wanted = len(notation.tree(_FUNCTIONS[name]).children)
    given = len(node.children)
    if wanted != given:
        return (
            f"{name} takes {wanted} argument{'s' if wanted > 1 else ''}, not {given}",
            f"write {_FUNCTIONS[name]}",
        )
    return f"the arguments of {name} do not fit", f"write {_FUNCTIONS[name]}, x an operand and c a number"


def _short(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:37] + "...")


def _nearest(name: str, known: list[str]) -> str:
    folded = {k.lower(): k for k in known}
    # Cut, because comparing takes time with the square of the length.
    near = get_close_matches(name[:60].lower(), list(folded), n=1, cutoff=0.5)
    return f"did you mean {folded[near[0]]}?" if near else "known are " + ", ".join(known)


_SGN_OF_W = notation.tree("sgn(W)")
_FUNCTIONS = _function_names()
_WHERE_USED = {
    **{name: next(row.text for row in UNARIES.values() if f"{name}(" in row.text) for name in _DIVISORS},
    "gnoise": "x + gnoise(c) or x * (1 + gnoise(c))",
}
