"""Equations drawn from components that the best have more than the others, in turn with the paper's mutation.

Half of the proposals are those of ``evolution``. The other half is drawn as a random equation is, component
by component, but each component v with the probability

    p(v) ∝ u(v) · (k_v + κ) / (e_v + κ),    e_v = n_v · B / n,

where u is the paper's uniform distribution, n_v of the n individuals looked at have v, k_v of the B best have
it, e_v of which would have it if the best were like the others, and κ is a pseudo-count: with nothing known,
or nothing to tell the best by, p = u, and no component is ever lost.

That is an estimation-of-distribution algorithm with one factor for each component (the UMDA of Mühlenbein
and Paaß 1996), but for its model: what selection has made frequent already counts as expected and is not
learned once more. The ratio of observed to expected, shrunk towards 1, is that of DuMouchel 1999; density
among the best against density among the others is also what a tree-structured Parzen estimator chooses by
(Bergstra et al. 2011).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from random import Random

from backprop_evo.search.strategies.strategy import Known, Proposal

#: Of the proposals after the start: so many are drawn by what was learned, the others are mutations.
DRAWN_SHARE = 0.5
#: κ: as if one more of the best had each component, and one more were expected to.
PSEUDO_COUNT = 1.0
#: n, at most: bounds what a proposal costs. The best are those of the whole search all the same.
LOOKED_AT = 1000


def weights(
    best: Iterable[frozenset[Hashable]], everyone: Iterable[frozenset[Hashable]]
) -> Mapping[Hashable, float]:
    """(k + κ) / (e + κ) of every component that ``best`` or ``everyone`` has; neither is empty."""
    of_best, of_all = list(best), list(everyone)
    among_best, among_all = (Counter(each for have in group for each in have) for group in (of_best, of_all))
    share = len(of_best) / len(of_all)
    return {
        component: (among_best[component] + PSEUDO_COUNT) / (among_all[component] * share + PSEUDO_COUNT)
        for component in among_best | among_all
    }


def best_count(population_size: int, looked_at: int) -> int:
    """B: √n, at most the N that ``evolution`` calls the best: their share shrinks while the search learns."""
    return min(population_size, ceil(sqrt(looked_at)))


@dataclass(frozen=True, slots=True)
class Learned:
    """Selection of components, and selection of parents."""

    name: str = "learned"
    summary: str = "half drawn by components that the best have more than others, half as in evolution"

    def must_wait(self, known: Known) -> bool:
        """All random equations are drawn, none has a fitness, and some may still get one."""
        return known.awaits_a_parent

    def propose(self, known: Known, generator: Random) -> Proposal:
        """A random equation while nothing is known, else one of the two kinds, by lot."""
        if known.lacks_parents:
            return known.drawn(generator)
        if generator.random() < DRAWN_SHARE:
            return known.drawn(generator, _weights_of(known))
        return known.mutated(
            generator, lambda: known.population.select(generator, known.spec.best_probability)
        )


def _weights_of(known: Known) -> Mapping[Hashable, float]:
    latest = known.population.latest(LOOKED_AT)
    best = known.population.best(best_count(known.spec.best_size, len(latest)))
    of_best, of_all = (
        (known.language.components(known.equation_of(member.individual)) for member in members)
        for members in (best, latest)
    )
    return weights(of_best, of_all)


STRATEGY = Learned()
