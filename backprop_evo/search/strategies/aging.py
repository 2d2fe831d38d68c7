"""Regularised evolution (Real, Aggarwal, Huang and Le 2019, algorithm 1): an individual leaves the population
by its age, not its fitness.

The population is the last P individuals that got a fitness. S of them are drawn with replacement, and the
best of these is varied. What was lucky once leaves with time, unless its children do as well: of a noisy
fitness the best that was ever seen is mostly the luckiest.

P is the spec's ``population_size``, with the same default as in ``evolution``; S is a quarter of P, at
least 2: the 25 of 100 of the paper's own searches. Other than there, a child that behaves as an earlier
individual does is a twin, is not trained again and does not enter anew; so a behaviour has one life.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from backprop_evo.search.strategies.strategy import Known, Proposal


def sample_size(population_size: int) -> int:
    """S: as many are drawn before the best of them becomes a parent."""
    return max(2, population_size // 4)


@dataclass(frozen=True, slots=True)
class Aging:
    """A tournament among the youngest, then mutation."""

    name: str = "aging"
    summary: str = "the best of a sample of the last P individuals, mutated; age removes, not fitness"

    def must_wait(self, known: Known) -> bool:
        """All random equations are drawn, none has a fitness, and some may still get one."""
        return known.awaits_a_parent

    def propose(self, known: Known, generator: Random) -> Proposal:
        """A random equation while there is no parent to draw, else a mutation of the best of a sample."""
        if known.lacks_parents:
            return known.drawn(generator)
        size = known.spec.best_size
        living = known.population.latest(size)

        def select() -> int:
            return min(generator.choices(living, k=sample_size(size))).individual

        return known.mutated(generator, select)


STRATEGY = Aging()
