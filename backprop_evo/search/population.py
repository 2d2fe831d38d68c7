"""Who may become a parent: individuals with a fitness, the best N apart from the rest.

Alber et al. 2018, section 3.2: with probability p a parent is drawn uniformly from the N best equations, else
from all others.
"""

from __future__ import annotations

from bisect import insort
from heapq import nsmallest
from random import Random
from typing import NamedTuple


class Member(NamedTuple):
    """Ordered best first: by falling fitness, then by the order of arrival."""

    minus_fitness: float
    arrival: int
    individual: int

    @property
    def fitness(self) -> float:
        """Validation accuracy in [0, 1]."""
        return -self.minus_fitness


class Population:
    """Members in two lists: the best ones sorted, the rest as they came.

    Adding costs one insertion into a sorted list of at most N entries and selecting one draw, however many
    the rest are. The order of the rest is a function of the order of arrival alone, so that a population
    rebuilt from rows draws the same parents.
    """

    def __init__(self, best_size: int) -> None:
        self._best_size = best_size
        self._best: list[Member] = []
        self._rest: list[Member] = []
        self._arrived: list[Member] = []

    def __len__(self) -> int:
        return len(self._arrived)

    def add(self, individual: int, fitness: float) -> None:
        """Let one more individual in."""
        member = Member(-fitness, len(self._arrived), individual)
        self._arrived.append(member)
        insort(self._best, member)
        if len(self._best) > self._best_size:
            # The worst of the best; where fitness is equal, the one that came last.
            self._rest.append(self._best.pop())

    def select(self, generator: Random, best_probability: float) -> int:
        """A parent's number; from the other side where one is empty. Raises ``ValueError`` when both are."""
        from_best = generator.random() < best_probability
        side = (self._best if from_best else self._rest) or self._best
        return side[generator.randrange(len(side))].individual

    def best(self, count: int) -> list[Member]:
        """The ``count`` fittest, best first."""
        if count <= len(self._best):
            return self._best[:count]
        return [*self._best, *nsmallest(count - len(self._best), self._rest)]

    def latest(self, count: int) -> list[Member]:
        """The ``count`` that arrived last, in the order in which they did."""
        return self._arrived[-count:] if count > 0 else []
