"""What the product says about an equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
    title: str
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
        canonical=dsl.to_text(canonical) if canonical else None,
        fingerprint=dsl.fingerprint(canonical) if canonical else None,
        operations=len(equation.operations),
        infeasible=infeasible,
        facts=_plain_facts(dsl.facts(equation)) if canonical else {},
    )


def _plain_facts(facts: dsl.EquationFacts) -> dict[str, Any]:
    """By name, sets as sorted lists, so that they can be written as JSON."""
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(facts).items()
    }


def known_equations() -> tuple[KnownEquation, ...]:
    """Every named equation of the language."""
    return tuple(
        KnownEquation(
            name=known.key,
            title=known.title,
            text=dsl.to_text(known.equation),
            latex=dsl.to_latex(known.equation),
            source=known.source,
        )
        for known in dsl.KNOWN.values()
    )
