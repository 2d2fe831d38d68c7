"""The language as one search may use it: its vocabulary, its lengths, its number of mutations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from random import Random

import dsl
from backprop_evo.errors import InvalidEquation
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.language import Candidate
from dsl.equation import Equation

BACKPROP = "g"


def parse_feasible(text: str) -> Equation:
    """The equation. Raises ``InvalidEquation`` for text that does not parse and for shapes that cannot
    match."""
    try:
        equation = dsl.parse(text)
    except dsl.EquationSyntaxError as error:
        raise InvalidEquation(error.message, column=error.column, hint=error.hint) from None
    except dsl.EquationError as error:
        raise InvalidEquation(error.message, hint=error.hint) from None
    reason = dsl.infeasibility(equation)
    if reason is not None:
        raise InvalidEquation(
            f"infeasible equation: {reason}", hint="check an equation with: backprop-evo equation check"
        )
    return equation


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Equation:
    return parse_feasible(text)


def identify(equation: Equation) -> Candidate:
    """Text, canonical text and fingerprint."""
    canonical = dsl.canonical(equation)
    text = dsl.to_text(canonical)
    return Candidate(dsl.to_text(equation), text, _fingerprint(text))


@lru_cache(maxsize=65_536)
def _fingerprint(canonical: str) -> str:
    """Cached, because evolution proposes the neighbours of the best again and again."""
    return dsl.fingerprint(dsl.parse(canonical))


class SpecLanguage:
    """``Language`` over ``dsl`` for one search spec. Raises ``InvalidEquation`` for names that are no
    components."""

    def __init__(self, spec: SearchSpec) -> None:
        words = spec.vocabulary
        with _as_invalid_equation():
            self._vocabulary = dsl.language(
                operands=words.operands,
                unaries=words.unaries,
                binaries=words.binaries,
                constants=words.constants,
            )
        self._lengths = spec.lengths
        self._mutations = spec.mutations
        self._operators = spec.operators.beyond_the_paper

    def backprop(self) -> Candidate:
        return self.read(BACKPROP)

    def read(self, text: str) -> Candidate:
        return identify(_parsed(text))

    def draw(self, generator: Random) -> Candidate:
        with _as_invalid_equation():
            return identify(dsl.sample(generator, self._vocabulary, self._lengths))

    def vary(self, equation: str, generator: Random, partner: Callable[[], str]) -> tuple[Candidate, str]:
        parent = _parsed(equation)
        with _as_invalid_equation():
            child, how = self._child(parent, generator, partner)
        return identify(child), how

    def _child(self, parent: Equation, generator: Random, partner: Callable[[], str]) -> tuple[Equation, str]:
        """One operator drawn; the paper's mutation where the one drawn has nothing to change."""
        drawn = generator.random() if any(self._operators) else 1.0
        change_length, mutate_constant, crossover = accumulate(self._operators)
        child, prefix = parent, ""
        if drawn < change_length:
            child = dsl.change_length(parent, generator, self._vocabulary)
        elif drawn < mutate_constant:
            child = dsl.mutate_constant(parent, generator)
        elif drawn < crossover:
            other = partner()
            child, prefix = dsl.crossover(parent, _parsed(other), generator), f"crossed with {other}: "
        if child == parent:
            child, prefix = dsl.mutate(parent, generator, self._vocabulary, self._mutations), ""
        return child, prefix + dsl.describe_change(parent, child)


@contextmanager
def _as_invalid_equation() -> Iterator[None]:
    try:
        yield
    except dsl.EquationError as error:
        raise InvalidEquation(error.message, hint=error.hint) from None
