"""Uniform random search over the same vocabulary and lengths: it shows what selection adds."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from backprop_evo.search.strategies.strategy import Known, Proposal


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """Every proposal is drawn anew; nothing that finished changes it."""

    name: str = "random"
    summary: str = "every equation drawn uniformly, whatever was learned: shows what selection adds"

    def must_wait(self, known: Known) -> bool:
        """Never: nothing that is out can matter."""
        del known
        return False

    def propose(self, known: Known, generator: Random) -> Proposal:
        """Drawn from the vocabulary; what evolution has to pay off against."""
        return known.drawn(generator)


STRATEGY = RandomSearch()
