"""What a strategy is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Origin
from backprop_evo.search.language import Candidate, Language
from backprop_evo.search.population import Population


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known when the next equation is proposed.

    ``proposed`` counts the strategy's earlier proposals (baseline and start equations are none of them),
    ``out`` the trials that occupy a slot. ``equation_of`` gives an individual's text by its number.
    """

    spec: SearchSpec
    language: Language
    population: Population
    equation_of: Callable[[int], str]
    proposed: int
    out: int

    @property
    def lacks_parents(self) -> bool:
        """Random equations are to be drawn: the start population is not full, or none has a fitness."""
        return self.proposed < self.spec.start_random or len(self.population) == 0

    @property
    def awaits_a_parent(self) -> bool:
        """All random equations are drawn, none has a fitness, and some may still get one."""
        return self.proposed >= self.spec.start_random and len(self.population) == 0 and self.out > 0

    def drawn(self, generator: Random, weights: Mapping[Hashable, float] | None = None) -> Proposal:
        """A random equation."""
        return Proposal(origin=Origin.RANDOM, candidate=self.language.draw(generator, weights))

    def mutated(self, generator: Random, select: Callable[[], int]) -> Proposal:
        """A variation of the individual that ``select`` gives, which is asked again for a second parent."""
        parent = select()
        candidate, mutation = self.language.vary(
            self.equation_of(parent), generator, lambda: self.equation_of(select())
        )
        return Proposal(origin=Origin.MUTATION, candidate=candidate, parent=parent, mutation=mutation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An equation and where it comes from. ``mutation`` says in words what was changed in the parent."""

    origin: Origin
    candidate: Candidate
    parent: int | None = None
    mutation: str | None = None


class Strategy(Protocol):
    """Both methods are pure functions of their arguments: a search replays by calling them again.

    The brain itself proposes plain backprop first and then the spec's start equations; strategies come after.
    """

    @property
    def name(self) -> str:
        """As search specs have it."""

    @property
    def summary(self) -> str:
        """One line for people."""

    def must_wait(self, known: Known) -> bool:
        """True while only a trial that is out can bring what the next proposal needs."""

    def propose(self, known: Known, generator: Random) -> Proposal:
        """The next proposal; ``generator`` is its only randomness."""
