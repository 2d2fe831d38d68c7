"""An equation of the language, as an immutable value.

The form is the paper's (Alber et al. 2018, section 3.1): a chain of one to three binary operations,

    b_i^p  <-  f(u1(op1), u2(op2)),

where the result of one operation becomes the left argument of the next. The genome of an equation is
``op1, u1, op2, u2, f`` followed by ``u1', op2', u2', f'`` for every further operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Statistic = Literal["value", "mean", "std", "normalised"]

#: Of one chain (section 3.1 of the paper).
MAX_OPERATIONS = 3


@dataclass(frozen=True, slots=True)
class Operand:
    """A quantity of the site, or a running statistic of it: ``g``, ``mean(g)``, ``std(g)``, ``bn(g)``."""

    name: str
    statistic: Statistic = "value"


@dataclass(frozen=True, slots=True)
class Unary:
    """A unary function with its constant bound: ``clip(., 1.0)`` is ``Unary("clip", 1.0)``."""

    name: str
    constant: float | None = None


IDENTITY = Unary("identity")

#: What an equation is made of: an operand, a unary function with its constant, or a binary function by name.
Component = Operand | Unary | str


@dataclass(frozen=True, slots=True)
class Operation:
    """``binary(left_unary(left), right_unary(right))``; what stands on the left is the chain so far."""

    left_unary: Unary
    right: Operand
    right_unary: Unary
    binary: str


@dataclass(frozen=True, slots=True)
class Equation:
    """A chain of operations over a first operand. Hashable; equal when written equally."""

    first: Operand
    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.operations) <= MAX_OPERATIONS:
            raise ValueError(f"an equation has 1 to {MAX_OPERATIONS} operations, not {len(self.operations)}")

    @property
    def components(self) -> frozenset[Component]:
        """Every different component, but those that a ``left`` leaves out of the value."""
        found: set[Component] = {self.first}
        for operation in self.operations:
            found |= {operation.left_unary, operation.binary}
            if operation.binary != "left":
                found |= {operation.right, operation.right_unary}
        return frozenset(found)

    def with_operation(self, index: int, *instead: Operation) -> Equation:
        """The equation with ``instead`` in the place of the operation at ``index``, counted from 0."""
        return Equation(self.first, (*self.operations[:index], *instead, *self.operations[index + 1 :]))
