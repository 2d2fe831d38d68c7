"""The grammar: tokens to a syntax tree that knows columns, and nothing of the language's meaning.

    comparison := sum [">" sum]
    sum        := product (("+" | "-") product)*
    product    := sign (("*" | "/" | "@") sign)*
    sign       := "-" sign | power
    power      := atom (("^" | "**") exponent | ".T")*
    atom       := number | name | name "(" comparison ("," comparison)* ")" | "(" comparison ")"
                | "|" comparison "|" | "‖" comparison "‖" "_" norm ["^" kind] | "."

Size and depth are bounded before anything recurses, so that hostile text costs no more than a short one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from dsl.equation import MAX_OPERATIONS
from dsl.errors import EquationSyntaxError
from dsl.tokens import SIGNS, SPELLINGS, Token

#: Levels; equations have up to a dozen. Each costs six calls, so that Python's limit of 1,000 stays far.
MAX_DEPTH = 40

Kind = Literal["number", "name", "call", "hole"]


@dataclass(frozen=True, slots=True)
class Node:
    """``value`` is a number's digits-free form, a name, or what is called: a function's name or an operator's
    sign.

    ``column`` is 1-based and does not count in comparisons.
    """

    kind: Kind
    value: str | float
    children: tuple[Node, ...] = ()
    column: int = field(default=1, compare=False)
    depth: int = field(default=1, compare=False)


def tree_of(tokens: list[Token]) -> Node:
    """The syntax tree of the whole text. Raises EquationSyntaxError."""
    reader = _Reader(tokens)
    if reader.now.kind == "end":
        raise EquationSyntaxError(
            "the text is empty", column=1, hint="for example: min(g / fro(g), clip(h, 1.0))"
        )
    tree = reader.comparison()
    if reader.now.kind != "end":
        raise reader.unexpected("an operator or the end")
    return tree


def call(value: str, column: int, *children: Node) -> Node:
    """A call whose depth is bounded."""
    depth = 1 + max(child.depth for child in children)
    if depth > MAX_DEPTH:
        raise _too_deep(column)
    return Node("call", value, children, column, depth)


def number(value: float, column: int) -> Node:
    """A number's node."""
    return Node("number", value, (), column)


def _too_deep(column: int) -> EquationSyntaxError:
    return EquationSyntaxError(
        f"nested deeper than {MAX_DEPTH} levels",
        column=column,
        hint=f"an equation has at most {MAX_OPERATIONS} operations",
    )


class _Reader:
    """Recursive descent; ``depth`` counts the levels it is in."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def now(self) -> Token:
        return self._tokens[self._at]

    def advance(self) -> Token:
        token = self.now
        self._at += 1
        return token

    def sees(self, *signs: str) -> bool:
        return self.now.kind == "sign" and SIGNS.get(self.now.text, self.now.text) in signs

    def expect(self, sign: str, after: str) -> None:
        if not self.sees(sign):
            raise self.unexpected(f"{sign!r} {after}")
        self.advance()

    def unexpected(self, expected: str) -> EquationSyntaxError:
        token = self.now
        found = token.text if token.kind == "end" else repr(token.text)
        hint = None
        if (
            token.kind in ("name", "number")
            and self._at
            and self._tokens[self._at - 1].kind in ("name", "number")
        ):
            hint = "write products with *, as in 0.5 * g"
        return EquationSyntaxError(f"expected {expected}, found {found}", column=token.column, hint=hint)

    def comparison(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep(self.now.column)
        left = self.sum()
        if self.sees(">"):
            column = self.advance().column
            right = self.sum()
            if right.kind != "number" or right.value != 0:
                raise EquationSyntaxError(
                    "expected 0 after '>'", column=right.column, hint="there is x > 0 only"
                )
            left = call(">", column, left, right)
        self._depth -= 1
        return left

    def sum(self) -> Node:
        left = self.product()
        while self.sees("+", "-"):
            token = self.advance()
            right = self.product()
            sign = SIGNS.get(token.text, token.text)
            # x - 0.5 is the unary shift by −0.5: there is no second one that subtracts.
            if sign == "-" and right.kind == "number":
                sign, right = "+", number(-float(right.value), right.column)
            left = call(sign, token.column, left, right)
        return left

    def product(self) -> Node:
        left = self.sign()
        while self.sees("*", "/", "@"):
            token = self.advance()
            right = self.sign()
            sign = SIGNS.get(token.text, token.text)
            # The dot of mathematics is a product of matrices between signals, and of numbers otherwise.
            if token.text in "·⋅" and "number" in (left.kind, right.kind):
                sign = "*"
            # g / 2 is the unary 0.5 * g.
            if sign == "/" and right.kind == "number" and left.kind != "number":
                sign, right = "*", number(_inverse(right), right.column)
            left = call(sign, token.column, left, right)
        return left

    def sign(self) -> Node:
        minus = []
        while self.sees("-"):
            minus.append(self.advance().column)
        node = self.power()
        for column in reversed(minus):
            # A minus before a number belongs to it, or -0.5 * g would be a function of a function.
            is_number = node.kind == "number"
            node = number(-float(node.value), column) if is_number else call("-", column, node)
        return node

    def power(self) -> Node:
        node = self.atom()
        while True:
            column = self.now.column
            if self.now.kind == "transpose":
                self.advance()
                node = call("transpose", column, node)
            elif self.now.kind == "power":
                node = call(_POWERS[SIGNS[self.advance().text][1:]], column, node)
            elif self.sees("^"):
                self.advance()
                node = call(self.exponent(), column, node)
            else:
                return node

    def exponent(self) -> str:
        power = _POWERS.get(self.now.text)
        if power is None:
            raise self.unexpected("2, 3, t (transpose) or + (positive part) after '^'")
        self.advance()
        return power

    def atom(self) -> Node:
        token = self.now
        if token.kind == "number":
            self.advance()
            return number(_finite(token), token.column)
        if token.kind == "name":
            self.advance()
            return self.named(SPELLINGS.get(token.text, SIGNS.get(token.text, token.text)), token.column)
        if self.sees("("):
            self.advance()
            node = self.comparison()
            self.expect(")", f"to close the '(' of column {token.column}")
            return node
        if self.sees("|"):
            self.advance()
            node = self.comparison()
            self.expect("|", f"to close the '|' of column {token.column}")
            return call("abs", token.column, node)
        if self.sees("‖"):
            return self.norm()
        if self.sees("."):
            self.advance()
            return Node("hole", ".", (), token.column)
        raise self.unexpected("an operand, a function, a number or '('")

    def named(self, name: str, column: int) -> Node:
        if name in ("inf", "nan"):
            return number(float(name), column)
        if not self.sees("("):
            return Node("name", name, (), column)
        opening = self.advance().column
        arguments = [self.comparison()]
        while self.sees(","):
            self.advance()
            arguments.append(self.comparison())
        self.expect(")", f"or ',' after the arguments; the '(' stands in column {opening}")
        return call(name, column, *arguments)

    def norm(self) -> Node:
        """‖x‖_p^kind: the vector norm of elements, columns or rows; without a kind the matrix norm."""
        column = self.advance().column
        inside = self.comparison()
        self.expect("‖", f"to close the '‖' of column {column}")
        negative, below = self.index()
        if below == "fro":
            return call("fro", column, inside)
        kind = "mat"
        if self.sees("^"):
            self.advance()
            kind = self.advance().text
        if kind not in ("elem", "col", "row", "mat"):
            raise EquationSyntaxError("expected elem, col or row", column=self._tokens[self._at - 1].column)
        p = float("inf") if below in ("inf", "∞") else _norm_order(below, column)
        return call(kind, column, inside, number(-p if negative else p, column))

    def index(self) -> tuple[bool, str]:
        """What follows a norm: _2, _inf, _-inf, _fro; the tokenizer may have joined _ to a name."""
        if self.now.kind == "name" and self.now.text.startswith("_") and len(self.now.text) > 1:
            return False, self.advance().text[1:]
        if self.now.kind == "name" and self.now.text == "_":
            self.advance()
        else:
            self.expect("_", "and the norm's order after '‖'")
        negative = self.sees("-")
        if negative:
            self.advance()
        return negative, self.advance().text


_POWERS = {"2": "square", "3": "cube", "t": "transpose", "T": "transpose", "+": "relu"}


def _finite(token: Token) -> float:
    value = float(token.text)
    if not math.isfinite(value):
        raise EquationSyntaxError(
            "the number is not finite", column=token.column, hint="norms take inf by name"
        )
    return value


def _inverse(divisor: Node) -> float:
    value = float(divisor.value)
    if value == 0 or not math.isfinite(1 / value):
        raise EquationSyntaxError("division by zero", column=divisor.column, hint="divide by something else")
    return 1 / value


def _norm_order(text: str, column: int) -> float:
    if not re.fullmatch(r"\d", text, re.ASCII):
        raise EquationSyntaxError("expected a norm's order: 0, 1, 2, inf, -inf or fro", column=column)
    return float(text)
