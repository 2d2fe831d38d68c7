"""How long the slowest of many calls took."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The value that so many per cent are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * per_cent / 100))]
