"""The notation of the tables, prepared: what text a component prints, and what tree it is read from.

Both directions come from the one ``text`` of a component's row, so that they cannot disagree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from dsl import syntax
from dsl.equation import IDENTITY, Operand, Operation, Statistic, Unary
from dsl.precedence import ATOM, COMPARISON, POWER, PRODUCT, SUM
from dsl.primitives import BINARIES, OPERANDS, STATISTICS, UNARIES, UnaryRow
from dsl.syntax import Node
from dsl.tokens import tokens_of

#: Operators between two arguments, by their sign.
INFIX = {">": COMPARISON, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "@": PRODUCT}

#: What `left` ignores, where the text does not say: `x` is `left(x, g)`.
FILLER = Operand("g")


def keep(unary: Unary) -> Operation:
    """The operation that does nothing but apply ``unary``."""
    return Operation(unary, FILLER, IDENTITY, "left")


_STATISTIC_OF_FUNCTION: Mapping[str, Statistic] = {row.function: name for name, row in STATISTICS.items()}

_OPERAND_OF_SPELLING = {
    "".join(spelling.split()): name for name, row in OPERANDS.items() for spelling in (row.text, *row.also)
}

#: Spellings of operands, longest first; blanks may stand between their parts.
_SPELLED = re.compile(
    "(?:"
    + "|".join(
        r"\s*".join(re.escape(part) for part in spelling.split())
        for spelling in sorted(
            (also for row in OPERANDS.values() for also in (row.text, *row.also)), key=len, reverse=True
        )
    )
    + r")(?![A-Za-z0-9_{(])"
)


@cache
def tree(text: str) -> Node:
    """The syntax tree of a notation."""
    return syntax.tree_of(tokens_of(text, _SPELLED, _OPERAND_OF_SPELLING))


def operand_of_product(node: Node) -> str | None:
    """The operand whose product ``node`` writes out: g for ``b_next @ W * dh``."""
    return _OPERAND_OF_PRODUCT.get(node)


def _product_tree(name: str) -> Node:
    """The tree of an operand's product, its factors written out as well; of another operand its name."""
    product = OPERANDS[name].product
    if product is None:
        return Node("name", name)
    sign = str(tree(BINARIES[product.binary].text).value)
    return syntax.call(sign, 1, _product_tree(product.left), _product_tree(product.right))


def statistic_of(function: str) -> Statistic | None:
    """The statistic that is written as this function."""
    return _STATISTIC_OF_FUNCTION.get(function)


@dataclass(frozen=True, slots=True)
class UnaryPattern:
    """One way to write a unary function; ``tree`` has the names x and c where argument and constant stand."""

    row: UnaryRow
    tree: Node
    text: str


def _patterns() -> dict[tuple[str | float, int], list[UnaryPattern]]:
    found: dict[tuple[str | float, int], list[UnaryPattern]] = {}
    for row in UNARIES.values():
        for text in (row.text, *row.also):
            pattern = tree(text)
            if pattern.kind == "call":
                found.setdefault((pattern.value, len(pattern.children)), []).append(
                    UnaryPattern(row, pattern, text)
                )
    return found


def match(pattern: Node, node: Node, found: dict[str, Node]) -> bool:
    """Whether ``node`` is written as ``pattern``; x and c are put into ``found``. A second x may be `.`."""
    if pattern.kind == "name" and pattern.value in ("x", "c"):
        return _bind(str(pattern.value), node, found)
    if (
        pattern.kind != node.kind
        or pattern.value != node.value
        or len(pattern.children) != len(node.children)
    ):
        return False
    return all(match(p, n, found) for p, n in zip(pattern.children, node.children, strict=True))


def _bind(name: str, node: Node, found: dict[str, Node]) -> bool:
    if name in found:
        # x / fro(.): the dot stands for the x before it.
        return node.kind == "hole" or node == found[name]
    if (node.kind == "number") != (name == "c") or node.kind == "hole":
        return False
    found[name] = node
    return True


# Printing --------------------------------------------------------------------------------------------------


#: Characters; longer arguments are written once and then as `.`. Stored texts have it, so it stays as it is.
_MAX_REPEATED = 24


@dataclass(frozen=True, slots=True)
class UnaryText:
    """x between ``pieces``, in parentheses if it binds looser than ``wants``; all binds as ``level``."""

    wants: int
    level: int
    pieces: tuple[str, ...]

    def of(self, x: str, level: int) -> str:
        """The text of u(x); a long x is written once and then as `.`."""
        first = x if level >= self.wants else f"({x})"
        if len(self.pieces) == 2:
            return f"{self.pieces[0]}{first}{self.pieces[1]}"
        again = x if level == ATOM and len(x) <= _MAX_REPEATED else "."
        return self.pieces[0] + first + again.join(self.pieces[1:])


@lru_cache(maxsize=4096)
def unary_text(unary: Unary) -> UnaryText:
    """How a unary function with its constant is written."""
    row = UNARIES[unary.name]
    shown = constant_text(row, unary.constant) if unary.constant is not None else ""
    text, level, wants = _unparse(tree(row.text), shown)
    return UnaryText(wants if wants is not None else COMPARISON, level, tuple(text.split("\0")))


def grid_text(row: UnaryRow) -> str:
    """The constants of the grid, as the notation has them."""
    return ", ".join(constant_text(row, constant) for constant in row.constants)


def constant_text(row: UnaryRow, constant: float) -> str:
    """As the notation has it: norms by their order, everything else as a decimal number."""
    whole = all(math.isinf(c) or c.is_integer() for c in row.constants) and not row.any_constant
    return f"{constant:g}" if whole else repr(float(constant))


def _unparse(node: Node, constant: str) -> tuple[str, int, int | None]:
    """Text with NUL for x, its level, and the level that the first x must have."""
    if node.kind == "name":
        if node.value == "c":
            return constant, ATOM, None
        return ("\0", ATOM, COMPARISON) if node.value == "x" else (str(node.value), ATOM, None)
    if node.kind == "number":
        return f"{node.value:g}", ATOM, None
    if node.value in INFIX and len(node.children) == 2:
        return _unparse_infix(node, constant)
    text, _, inner = _unparse(node.children[0], constant)
    if node.value == "-":
        return f"-{text}", SUM, POWER
    if node.value == "transpose":
        return f"{text}.T", POWER, ATOM
    if node.value in ("square", "cube"):
        return f"{text}^{2 if node.value == 'square' else 3}", POWER, ATOM
    rest = [_unparse(child, constant)[0] for child in node.children[1:]]
    return f"{node.value}({', '.join([text, *rest])})", ATOM, inner


def _unparse_infix(node: Node, constant: str) -> tuple[str, int, int | None]:
    sign, level = str(node.value), INFIX[str(node.value)]
    (x, x_level, x_wants), (y, y_level, y_wants) = (_unparse(child, constant) for child in node.children)
    # x + -0.5 is read as it is written, but nobody writes it.
    if sign == "+" and y.startswith("-"):
        sign, y = "-", y[1:]
    x = x if x_level >= level else f"({x})"
    y = y if y_level > level else f"({y})"
    wants = None
    if x_wants is not None:
        wants = max(level, x_wants) if x == "\0" else x_wants
    elif y_wants is not None:
        wants = max(level + 1, y_wants) if y == "\0" else y_wants
    return f"{x} {sign} {y}", level, wants


@lru_cache(maxsize=4096)
def operand_text(operand: Operand) -> str:
    """How an operand or its statistic is written: ``mean(g)``."""
    name = OPERANDS[operand.name].text
    return name if operand.statistic == "value" else f"{STATISTICS[operand.statistic].function}({name})"


@lru_cache(maxsize=16384)
def argument_text(unary: Unary, operand: Operand) -> tuple[str, int]:
    """The text of u(operand) and how tightly it binds."""
    written = unary_text(unary)
    return written.of(operand_text(operand), ATOM), written.level if unary.name != "identity" else ATOM


@dataclass(frozen=True, slots=True)
class BinaryText:
    """``before + x + between + y + after``, either in parentheses where it binds too loosely."""

    before: str
    between: str
    after: str
    wants: tuple[int, int]
    level: int


def _binary_text(text: str) -> BinaryText:
    node = tree(text)
    level = INFIX.get(str(node.value), ATOM)
    before, rest = text.split("x", 1) if level < ATOM else (f"{node.value}(", ", y)")
    between, after = rest.split("y", 1)
    wants = (level, level + 1) if level < ATOM else (COMPARISON, COMPARISON)
    return BinaryText(before, between, after, wants, level)


BINARY_TEXT = {name: _binary_text(row.text) for name, row in BINARIES.items()}
BINARY_OF_SIGN = {str(tree(row.text).value): name for name, row in BINARIES.items()}
_OPERAND_OF_PRODUCT = {_product_tree(name): name for name, row in OPERANDS.items() if row.product}
UNARY_PATTERNS = _patterns()
