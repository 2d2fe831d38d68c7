"""The late training loss: by what a run ends with, rates are chosen."""

from __future__ import annotations

from collections.abc import Sequence

LATE_STEPS, LATE_SHARE = 20, 0.1
"""The late loss is that of so many steps, or of that share where it is more; never of more than half."""


def late_loss(losses: Sequence[float]) -> float | None:
    """The mean of the last of ``losses``, one for each step so far; None before the first."""
    done = len(losses)
    late = losses[-max(1, min(done // 2, max(LATE_STEPS, round(LATE_SHARE * done)))) :]
    return sum(late) / len(late) if late else None
