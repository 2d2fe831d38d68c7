"""Differences: mean, 95 % interval by Student's t, p value, and Holm's adjustment of several.

Student 1908 for the interval of pairs, Welch 1947 for that of means without pairs; Holm 1979 for the
adjustment, which needs no assumption on how the comparisons hang together: all of one table share their
baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from statistics import fmean, stdev

from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The mean of ``n`` paired differences, or that of two means of at least ``n`` numbers. ``low`` and
    ``high`` end the interval, ``p`` is two-sided; all three are None for n = 1."""

    mean: float
    n: int
    low: float | None = None
    high: float | None = None
    p: float | None = None


def half_width(n: int, error: float) -> float:
    """Half of the 95 % interval of a mean of ``n`` > 1 numbers, by its standard error."""
    return float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error


def paired_difference(ones: Sequence[float], others: Sequence[float]) -> Difference | None:
    """``ones`` minus ``others``, pair by pair; None without pairs. Raises ``ValueError`` unless they are
    equally many.

    Where all differences are the same there is no spread to judge by: the interval is that one number.
    """
    differences = [one - other for one, other in zip(ones, others, strict=True)]
    n = len(differences)
    if n == 0:
        return None
    mean = fmean(differences)
    if n == 1:
        return Difference(mean=mean, n=1)
    error = stdev(differences) / sqrt(n)
    if error == 0:
        return Difference(mean=mean, n=n, low=mean, high=mean, p=1.0 if mean == 0 else 0.0)
    reach = half_width(n, error)
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    return Difference(mean=mean, n=n, low=mean - reach, high=mean + reach, p=p)


def unpaired_difference(ones: Sequence[float], others: Sequence[float]) -> Difference | None:
    """The mean of ``ones`` minus that of ``others``, whose spreads may differ; None where either is empty."""
    n = min(len(ones), len(others))
    if n == 0:
        return None
    mean = fmean(ones) - fmean(others)
    if n == 1:
        return Difference(mean=mean, n=1)
    parts = [stdev(each) ** 2 / len(each) for each in (ones, others)]
    error = sqrt(sum(parts))
    if error == 0:
        return Difference(mean=mean, n=n, low=mean, high=mean, p=1.0 if mean == 0 else 0.0)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(ones) - 1) + parts[1] ** 2 / (len(others) - 1))
    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(mean) / error))
    return Difference(mean=mean, n=n, low=mean - reach, high=mean + reach, p=p)


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """p values adjusted for being so many, in the order given: rejecting those up to α is wrong about any of
    them with a probability of at most α."""
    order = sorted(range(len(values)), key=values.__getitem__)
    scaled = (min(1.0, (len(values) - place) * values[at]) for place, at in enumerate(order))
    adjusted = dict(zip(order, accumulate(scaled, max), strict=True))
    return tuple(adjusted[at] for at in range(len(values)))
