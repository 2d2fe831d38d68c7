"""The paper's evolution (Alber et al. 2018, section 3.2 and appendix B): steady state, no generations.

With probability p a parent is drawn from the N best, else from the rest, and varied; twins are recognised by
the brain. Before the first mutation ``start_random`` random equations are drawn, and as long as nothing has a
fitness, further ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from backprop_evo.records.stored import Origin
from backprop_evo.search.strategies.strategy import Known, Proposal


@dataclass(frozen=True, slots=True)
class Evolution:
    """Selection from the population, then mutation."""

    name: str = "evolution"
    summary: str = "a parent from the N best with probability p, else from the rest; mutated"

    def must_wait(self, known: Known) -> bool:
        """All random equations are drawn, none has a fitness, and some may still get one."""
        return known.proposed >= known.spec.start_random and len(known.population) == 0 and known.out > 0

    def propose(self, known: Known, generator: Random) -> Proposal:
        """A random equation while there is no parent to draw, else a mutation of one that is selected."""
        if known.proposed < known.spec.start_random or len(known.population) == 0:
            return Proposal(origin=Origin.RANDOM, candidate=known.language.draw(generator))

        def select() -> int:
            return known.population.select(generator, known.spec.best_probability)

        parent = select()
        candidate, mutation = known.language.vary(
            known.equation_of(parent), generator, lambda: known.equation_of(select())
        )
        return Proposal(origin=Origin.MUTATION, candidate=candidate, parent=parent, mutation=mutation)


STRATEGY = Evolution()
