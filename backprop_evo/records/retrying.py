"""What becomes of a trial whose worker vanished, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Tried again until ``max_attempts``, each time after a longer pause: ``delay_s`` after the first loss,
    twice as long after each further one, at most ``longest_delay_s``.

    A worker that still lived ``overrun_s`` after the training began was stopped at the time limit: that is a
    result, never tried again. Its last sign of life came ``lease_s`` before its lease runs out. A node on
    which so many trainings in a row ended by a fault as ``quarantine_after`` says takes no more of them.
    """

    max_attempts: int
    delay_s: float = 0.0
    longest_delay_s: float = 60.0
    overrun_s: float = inf
    lease_s: float = 0.0
    quarantine_after: int = 3

    def pause_s(self, attempt: int) -> float:
        """Seconds between the loss of the attempt of this number (1, 2, …) and the next attempt."""
        return float(min(self.longest_delay_s, self.delay_s * 2.0 ** min(attempt - 1, 64)))
