"""What can be wrong with an equation. The language knows no other room, so it has its own small tree.

EquationError
├── EquationSyntaxError     the text is no equation; says where, what was expected and what next
├── InfeasibleEquation      the shapes cannot match on any site
└── UnknownComponent        no operand, unary, binary or constant of that name
"""

from __future__ import annotations

#: Characters of a text that are shown around a mistake: a line of a terminal.
_SHOWN = 80


class EquationError(ValueError):
    """Base of everything the language refuses. ``hint`` says what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class EquationSyntaxError(EquationError):
    """The text is no equation. ``column`` is 1-based and counts characters of the text as it was given."""

    def __init__(self, message: str, *, column: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.column = column

    def pointing_at(self, text: str) -> str:
        """The text, a caret under the column and what is wrong there; of a long text only what is near."""
        start = max(0, self.column - 1 - _SHOWN // 2)
        shown = "".join(c if c.isprintable() else " " for c in text[start : start + _SHOWN])
        return f"{shown}\n{' ' * (self.column - 1 - start)}^ column {self.column}: {self.message}"


class InfeasibleEquation(EquationError):
    """The shapes of the equation cannot match; ``reason`` says where and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"infeasible equation: {reason}",
            hint="elementwise functions want equal shapes, and the result must be a signal, as g and h are",
        )
        self.reason = reason


class UnknownComponent(EquationError):
    """A name that is no component of the language; the hint names the nearest one."""
