"""What the product says about equations: the report on one, and those that are known by name."""

from __future__ import annotations

from backprop_evo.equations import EquationReport, report_on
from dsl.known import KNOWN, KnownEquation

__all__ = ["EquationReport", "KnownEquation", "check_equation", "known_equations"]


def check_equation(text: str) -> EquationReport:
    """Raises ``InvalidEquation`` with the column for text that does not parse."""
    return report_on(text)


def known_equations() -> tuple[KnownEquation, ...]:
    """Every named equation of the language."""
    return tuple(KNOWN.values())
