"""Equations from outside: read by text or name, refused in our words, and reported on.

Every room that is given an equation reads it here, so that what is wrong with one is said in one way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dsl
from backprop_evo.errors import InvalidEquation
from dsl.equation import Equation
from dsl.shapes import shapes_of


@contextmanager
def language_errors(text: str | None = None) -> Iterator[None]:
    """Whatever the language refuses within is raised as ``InvalidEquation``, with its column and hint.

    Where ``text`` is given, the message shows it with a caret under the column, for people at a terminal.
    """
    try:
        yield
    except dsl.EquationSyntaxError as error:
        message = error.message if text is None else error.pointing_at(text)
        # The language's own traceback says nothing that the column does not.
        raise InvalidEquation(message, column=error.column, hint=error.hint) from None
    except dsl.EquationError as error:
        raise InvalidEquation(error.message, hint=error.hint) from None


def read_equation(text: str) -> Equation:
    """The feasible equation that ``text`` writes. Raises ``InvalidEquation``."""
    with language_errors():
        return require_feasible(dsl.parse(text))


def read_known_or_text(text: str) -> Equation:
    """The known equation of that name (``backprop``), else the one that ``text`` writes, feasible or not.

    For the command line: ``InvalidEquation`` comes with a caret under the column.
    """
    known = dsl.KNOWN.get(text.strip())
    if known is not None:
        return known.equation
    with language_errors(text):
        return dsl.parse(text)


def require_feasible(equation: Equation) -> Equation:
    """``equation`` itself. Raises ``InvalidEquation`` with the reason where its shapes cannot match."""
    with language_errors():
        shapes_of(equation)
    return equation


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


def report_on(equation: Equation | str) -> EquationReport:
    """Raises ``InvalidEquation`` with the column for text that does not parse."""
    with language_errors():
        equation = dsl.parse(equation) if isinstance(equation, str) else equation
    infeasible = dsl.infeasibility(equation)
    # Rewrites keep the meaning, and what is infeasible has none.
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
        facts=dsl.facts(canonical).as_json() if canonical else {},
    )
