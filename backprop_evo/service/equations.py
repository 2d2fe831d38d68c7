"""What the product says about an equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dsl
from backprop_evo.errors import InvalidEquation


@dataclass(frozen=True, slots=True, kw_only=True)
class EquationReport:
    """One equation in every notation. ``infeasible`` is the reason in words, None for an equation that can be
    trained; an infeasible one has no canonical form, no fingerprint and no facts."""

    text: str
    json: Mapping[str, Any]
    latex: str
    mathml: str
    canonical: str | None
    fingerprint: str | None
    operations: int
    infeasible: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEquation:
    """An equation with a name, from the literature."""

    name: str
    text: str
    latex: str
    source: str


def check_equation(text: str) -> EquationReport:
    """Raises ``InvalidEquation`` with the column for text that does not parse."""
    try:
        equation = dsl.parse(text)
    except dsl.EquationSyntaxError as error:
        raise InvalidEquation(error.message, column=error.column, hint=error.hint) from None
    infeasible = dsl.infeasibility(equation)
    canonical = None if infeasible else dsl.canonical(equation)
    return EquationReport(
        text=dsl.to_text(equation),
        json=dsl.to_json(equation),
        latex=dsl.to_latex(equation),
        mathml=dsl.to_mathml(equation),
        canonical=canonical and dsl.to_text(canonical),
        fingerprint=canonical and dsl.fingerprint(canonical),
        operations=len(equation.operations),
        infeasible=infeasible,
        facts=dsl.facts(equation) if canonical else {},
    )


def known_equations() -> tuple[KnownEquation, ...]:
    """Every named equation of the language."""
    return tuple(
        KnownEquation(
            name=name,
            text=dsl.to_text(known.equation),
            latex=dsl.to_latex(known.equation),
            source=known.source,
        )
        for name, known in dsl.KNOWN.items()
    )
