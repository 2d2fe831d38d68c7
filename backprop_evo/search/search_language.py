"""The language as one search may use it: its vocabulary, its lengths, its ways to vary a parent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from itertools import accumulate
from random import Random

import dsl
from backprop_evo.equations import language_errors, read_equation
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.language import Candidate
from backprop_evo.training.methods import method_of
from dsl.equation import Equation

#: Cached, because the best equations are parents again and again.
_read = lru_cache(maxsize=4096)(read_equation)


CROSSED = "crossed with "
"""How the words for a crossover begin; the second parent's text follows, and a colon."""

NO_ERROR = "no operand carries the error: nothing below the classifier can learn"


def identify_equation(equation: Equation) -> Candidate:
    """Text, canonical text, fingerprint, and whether it is hopeless."""
    canonical = dsl.canonical(equation)
    text = dsl.to_text(canonical)
    hopeless = None if dsl.carries_error(canonical) else NO_ERROR
    return Candidate(equation_method(dsl.to_text(equation)), text, _fingerprint(canonical), hopeless)


@lru_cache(maxsize=65_536)
def _components(equation: str) -> frozenset[Hashable]:
    """Cached, because every proposal counts those of all the equations that it learns from."""
    return _read(equation).components


@lru_cache(maxsize=65_536)
def _fingerprint(canonical: Equation) -> str:
    """Cached, because evolution proposes the neighbours of the best again and again."""
    return dsl.fingerprint_of_canonical(canonical)


def identify_method(method: MethodSpec) -> Candidate:
    """Any method. Raises ``InvalidSettings``, and ``InvalidEquation`` for an equation that is none."""
    known = method_of(method)
    return Candidate(known.spec, known.canonical(), known.fingerprint())


def read_crossing(mutation: str | None) -> tuple[str | None, str | None]:
    """The text of the second parent, None where there was none, and the words for what was changed."""
    if mutation is None or not mutation.startswith(CROSSED):
        return None, mutation
    partner, _, change = mutation.removeprefix(CROSSED).partition(": ")
    return partner, change


class SearchLanguage:
    """``Language`` over ``dsl`` for one search spec. Raises ``InvalidEquation`` for names that are no
    components."""

    def __init__(self, spec: SearchSpec) -> None:
        asked = spec.vocabulary
        with language_errors():
            self._vocabulary = dsl.vocabulary(
                operands=asked.operands,
                unaries=asked.unaries,
                binaries=asked.binaries,
                constants=asked.constants,
                products=spec.products,
            )
        self._lengths = spec.lengths
        self._mutations = spec.mutations
        self._redraw = spec.mutation_redraw
        self._operators = spec.operators.beyond_the_paper

    @property
    def carries_error(self) -> bool:
        """Whether an equation drawn from the vocabulary can have the error in it."""
        return any(dsl.operand_carries_error(operand.name) for operand in self._vocabulary.operands)

    def backprop(self) -> Candidate:
        """g, whatever the vocabulary of the search: its baseline needs no word of it."""
        return self.read(dsl.KNOWN["backprop"].text)

    def read(self, text: str) -> Candidate:
        """Raises ``InvalidEquation`` for text that does not parse or cannot match in shape."""
        return identify_equation(_read(text))

    def identify(self, method: MethodSpec) -> Candidate:
        """Any method, a yardstick's too. Raises ``InvalidSettings`` for one that is not known."""
        return identify_method(method)

    def components(self, equation: str) -> frozenset[Hashable]:
        """Operands with their statistic, unary functions with their constant, binary functions."""
        return _components(equation)

    def draw(self, generator: Random, weights: Mapping[Hashable, float] | None = None) -> Candidate:
        """Drawn again until the shapes match. Raises ``InvalidEquation`` where that takes too long."""
        weight = None if weights is None else lambda component: weights.get(component, 1.0)
        with language_errors():
            return identify_equation(dsl.sample(generator, self._vocabulary, self._lengths, weight))

    def vary(self, equation: str, generator: Random, partner: Callable[[], str]) -> tuple[Candidate, str]:
        """The child and, in words, what was changed. ``partner`` is asked only where a crossover is drawn."""
        parent = _read(equation)
        with language_errors():
            child, how = self._child(parent, generator, partner)
        return identify_equation(child), how

    def _mutated(self, parent: Equation, generator: Random) -> Equation:
        return dsl.mutate(parent, generator, self._vocabulary, self._mutations, self._redraw)

    def _crossed(self, parent: Equation, other: str, generator: Random) -> Equation:
        return dsl.crossover(parent, _read(other), generator, self._vocabulary)

    def _child(self, parent: Equation, generator: Random, partner: Callable[[], str]) -> tuple[Equation, str]:
        """One operator drawn; the paper's mutation where the one drawn has nothing to change."""
        # Without the further operators nothing is drawn, so that a search of the paper's alone decides as it
        # did before they existed.
        drawn = generator.random() if any(self._operators) else 1.0
        change_length, mutate_constant, crossover = accumulate(self._operators)
        child, prefix = parent, ""
        if drawn < change_length:
            child = dsl.change_length(parent, generator, self._vocabulary)
        elif drawn < mutate_constant:
            child = dsl.mutate_constant(parent, generator)
        elif drawn < crossover:
            other = partner()
            child, prefix = self._crossed(parent, other, generator), f"{CROSSED}{other}: "
        # No constant to change, no other length permitted: a proposal must not be its own parent.
        if child == parent:
            child, prefix = self._mutated(parent, generator), ""
        return child, prefix + dsl.describe_change(parent, child)
