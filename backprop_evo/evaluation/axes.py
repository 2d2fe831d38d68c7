"""The numbers at an axis, the same on pages and in reports."""

from __future__ import annotations

import math


def even_ticks(low: float, high: float, *, intervals: int = 4, whole: bool = False) -> tuple[float, ...]:
    """``intervals + 1`` round numbers at equal distances that enclose [low, high]."""
    # A flat line needs an axis too: at least a thousandth of its height.
    span = max(high - low, abs(high) * 1e-3, intervals if whole else 1e-6)
    magnitude = 10.0 ** math.floor(math.log10(span / intervals))
    for scale in (1, 10, 100):
        for factor in (1, 2, 3, 4, 5) if whole else (1, 2, 2.5, 5):
            step = factor * magnitude * scale
            # Half a trial is no tick.
            if whole and step % 1:
                continue
            start = math.floor(low / step + 1e-9)
            if (start + intervals) * step >= high - 1e-9 * step:
                return tuple(round((start + place) * step, 12) for place in range(intervals + 1))
    raise AssertionError(f"no ticks for {low} … {high}")
