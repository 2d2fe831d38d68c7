"""The paper's evolution (Alber et al. 2018, section 3.2 and appendix B): steady state, no generations.

With probability p a parent is drawn from the N best, else from the rest, and varied; twins are recognised by
the brain. Before the first mutation ``start_random`` random equations are drawn, and as long as nothing has a
fitness, further ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from backprop_evo.search.strategies.strategy import Known, Proposal


@dataclass(frozen=True, slots=True)
class Evolution:
    """Selection from the population, then mutation."""

    name: str = "evolution"
    summary: str = "a parent from the N best with probability p, else from the rest; mutated"

    def must_wait(self, known: Known) -> bool:
        """All random equations are drawn, none has a fitness, and some may still get one."""
        return known.awaits_a_parent

    def propose(self, known: Known, generator: Random) -> Proposal:
        """A random equation while there is no parent to draw, else a mutation of one that is selected."""
        if known.lacks_parents:
            return known.drawn(generator)
        return known.mutated(
            generator, lambda: known.population.select(generator, known.spec.best_probability)
        )


STRATEGY = Evolution()
