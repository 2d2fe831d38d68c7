"""The language as one search may use it: its vocabulary, its lengths, its number of mutations."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import dsl
from backprop_evo.errors import InvalidEquation
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.language import Candidate
from backprop_evo.search.lineage import describe_change
from dsl.equation import Equation

BACKPROP = "g"


def parse_feasible(text: str) -> Equation:
    """The equation. Raises ``InvalidEquation`` for text that does not parse and for shapes that cannot match."""
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
    return Candidate(dsl.to_text(equation), dsl.to_text(canonical), dsl.fingerprint(canonical))


class SpecLanguage:
    """``Language`` over ``dsl`` for one search spec."""

    def __init__(self, spec: SearchSpec) -> None:
        words = spec.vocabulary
        self._vocabulary = dsl.language(
            operands=words.operands, unaries=words.unaries, binaries=words.binaries
        )
        self._lengths = spec.lengths
        self._mutations = spec.mutations

    def backprop(self) -> Candidate:
        return self.read(BACKPROP)

    def read(self, text: str) -> Candidate:
        return identify(_parsed(text))

    def draw(self, generator: Random) -> Candidate:
        return identify(dsl.sample(generator, self._vocabulary, self._lengths))

    def mutate(self, equation: str, generator: Random) -> tuple[Candidate, str]:
        parent = _parsed(equation)
        child = dsl.mutate(parent, generator, self._vocabulary, self._mutations)
        return identify(child), describe_change(parent, child)
