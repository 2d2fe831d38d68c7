"""Which equations a search wants confirmed: the best by what their fitness would be without luck."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, variance

from backprop_evo.search.measurements import Measured


def shrunk_means(best: Sequence[Measured], spread: float | None) -> list[float]:
    """What each of the best would have on average over many seeds: its mean, drawn towards that of all of
    them, the more the fewer measurements it has. All have a fitness.

    The empirical Bayes estimate of Efron and Morris 1975: mean + τ²/(τ² + s²/n) · (its mean - mean), where s
    is the ``spread`` of one measurement and τ² what the variance among them exceeds its share of that. Plain
    means where the spread is not known, and where there is none: all that was measured again stood at chance.
    """
    means = [each.mean for each in best]
    if not spread or len(best) < 3:
        return means
    chance = [spread**2 / each.n for each in best]
    middle, apart = fmean(means), max(0.0, variance(means) - fmean(chance))
    # All of it may look like chance; a rest of trust keeps who has more evidence above who has less.
    apart = max(apart, LEAST_TRUST * spread**2)
    return [
        middle + apart / (apart + noise) * (mean - middle) for mean, noise in zip(means, chance, strict=True)
    ]


#: τ² is at least so much of s².
LEAST_TRUST = 0.1


def in_order(best: Sequence[Measured], spread: float | None) -> list[int]:
    """The places of ``best`` with the finalists first; ties keep their order."""
    worth = shrunk_means(best, spread)
    return sorted(range(len(best)), key=lambda place: (-worth[place], place))
