"""What a comparison says, in words. A training that did not complete is named first, never left out silently.

Accuracies are in [0, 1], points are hundredths of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import fmean

from backprop_evo.evaluation.statistics import Difference

ALPHA = 0.05


class Finding(StrEnum):
    """What a verdict comes down to."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference shown"
    TOO_FEW = "too few seeds"


def find(difference: Difference | None, p_adjusted: float | None) -> Finding:
    """By the adjusted p value: an interval alone would find something in every long table."""
    if difference is None or p_adjusted is None:
        return Finding.TOO_FEW
    if p_adjusted > ALPHA or difference.mean == 0:
        return Finding.NO_DIFFERENCE
    return Finding.BETTER if difference.mean > 0 else Finding.WORSE


def verdict(difference: Difference | None, finding: Finding, comparisons: int) -> str:
    """``better by 1.2 points, 0.4 … 2.0, n = 10``. ``comparisons`` is how many the table holds."""
    n = 0 if difference is None else difference.n
    if difference is None or difference.low is None or difference.high is None:
        return f"{finding}: n = {n}"
    low, high = 100 * difference.low, 100 * difference.high
    if finding is Finding.NO_DIFFERENCE:
        adjusting = f" after adjusting for {comparisons} comparisons" if low * high > 0 else ""
        excluded = max(abs(low), abs(high))
        return (
            f"{finding}{adjusting}; more than {excluded:.{_digits(excluded)}f} points are excluded, n = {n}"
        )
    mean = abs(100 * difference.mean)
    if finding is Finding.WORSE:
        low, high = -high, -low
    digits = _digits(mean)
    return f"{finding} by {mean:.{digits}f} points, {low:.{digits}f} … {high:.{digits}f}, n = {n}"


def _digits(points: float) -> int:
    """One, unless that would print a difference as none."""
    return 1 if points == 0 or points >= 0.1 else 2


def noise_floor(apart: Sequence[float]) -> str:
    """``placebos differ from backprop by 1.2 points on average, by 2.5 at most (n = 3)``. ``apart`` are the
    distances of pairs."""
    mean, most = 100 * fmean(apart), 100 * max(apart)
    return (
        f"noise floor: placebos differ from backprop by {mean:.{_digits(mean)}f} points on average, "
        f"by {most:.{_digits(most)}f} at most (n = {len(apart)})"
    )


def failures_in_words(failures: Mapping[str, int], planned: int) -> str | None:
    """``2 of 10 seeds diverged``; None where nothing failed."""
    told = [
        f"{count} of {planned} seeds {state if state.endswith('ed') else f'ended as {state}'}"
        for state, count in failures.items()
        if count
    ]
    return ", ".join(told) or None


def with_failures(text: str, own: str | None, baselines: str | None) -> str:
    """The verdict behind what failed: the difference is over the seeds that completed on both sides."""
    told = [*([own] if own else []), *([f"of the baseline {baselines}"] if baselines else [])]
    return f"{'; '.join(told)}; over the seeds that completed for both: {text}" if told else text
