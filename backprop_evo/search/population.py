"""Who may become a parent: individuals with a grade, the best N apart from the rest.

Alber et al. 2018, section 3.2: with probability p a parent is drawn uniformly from the N best equations, else
from all others.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from random import Random
from typing import NamedTuple

COMPLETED = math.inf
"""The rung of a training that went to its end: beyond all others."""


class Grade(NamedTuple):
    """How far a training came, then what it was worth there; greater is better. Of one that ``COMPLETED``
    the merit is its fitness, of one that a pruner ended what it was compared by at that ``rung``."""

    rung: float
    merit: float


class Member(NamedTuple):
    """Ordered best first: by falling grade, then by the order of arrival."""

    minus_rung: float
    minus_merit: float
    arrival: int
    individual: int

    @property
    def grade(self) -> Grade:
        """Where it stands."""
        return Grade(-self.minus_rung, -self.minus_merit)

    @property
    def has_fitness(self) -> bool:
        """Whether its training went to the end; the merit is the fitness then."""
        return -self.minus_rung == COMPLETED

    def at(self, grade: Grade) -> Member:
        """The same member where it stands by another grade."""
        return Member(-grade.rung, -grade.merit, self.arrival, self.individual)


class Population:
    """Members in two lists: the best ones sorted, the rest as they came.

    Adding or moving a member costs insertions into sorted lists and selecting one draw, however many there
    are. The order of the rest is a function of what happened alone, so that a population rebuilt from rows
    draws the same parents.
    """

    def __init__(self, best_size: int) -> None:
        self._best_size = best_size
        self._best: list[Member] = []
        self._rest: list[Member] = []
        # The rest once more, sorted: who is to move up is found without looking at all of them.
        self._others: list[Member] = []
        self._place: dict[int, int] = {}
        self._members: dict[int, Member] = {}
        self._arrived: list[int] = []

    def __len__(self) -> int:
        return len(self._arrived)

    def put(self, individual: int, grade: Grade) -> None:
        """Let one more individual in, or move one that is there to where its grade is now."""
        here = self._members.get(individual)
        if here is None:
            member = Member(0.0, 0.0, len(self._arrived), individual).at(grade)
            self._arrived.append(individual)
            insort(self._best, member)
            if len(self._best) > self._best_size:
                # The worst of the best; where grades are equal, the one that came last.
                self._place[self._best[-1].individual] = len(self._rest)
                self._rest.append(self._best[-1])
                insort(self._others, self._best.pop())
        else:
            member = here.at(grade)
            if individual in self._place:
                self._rest[self._place[individual]] = member
                _replace(self._others, here, member)
            else:
                _replace(self._best, here, member)
            self._exchange()
        self._members[individual] = member

    def _exchange(self) -> None:
        """After one member moved: the best of the rest changes places with the worst of the best, where it
        is better."""
        if not self._others or self._best[-1] < self._others[0]:
            return
        down, up = self._best.pop(), self._others.pop(0)
        insort(self._best, up)
        insort(self._others, down)
        place = self._place[down.individual] = self._place.pop(up.individual)
        self._rest[place] = down

    def select(self, generator: Random, best_probability: float) -> int:
        """A parent's number; from the other side where one is empty. Raises ``ValueError`` when both are."""
        from_best = generator.random() < best_probability
        side = (self._best if from_best else self._rest) or self._best
        return side[generator.randrange(len(side))].individual

    def best(self, count: int) -> list[Member]:
        """The ``count`` of the highest grade, best first."""
        return [*self._best[:count], *self._others[: max(0, count - len(self._best))]]

    def latest(self, count: int) -> list[Member]:
        """The ``count`` that arrived last, in the order in which they did."""
        return [self._members[each] for each in self._arrived[-count:]] if count > 0 else []


def _replace(members: list[Member], old: Member, new: Member) -> None:
    """In a sorted list."""
    del members[bisect_left(members, old)]
    insort(members, new)
