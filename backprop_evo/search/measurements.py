"""What was measured of each behaviour: how far it came, its mean fitness, how much one measurement says."""

from __future__ import annotations

import math
from dataclasses import dataclass

from backprop_evo.records.states import TrialState
from backprop_evo.search.population import COMPLETED, Grade

#: Below so many degrees of freedom a spread is luck itself.
LEAST_FREEDOM = 3
#: Where a behaviour stands that did not train on a new seed: below all that were never in doubt.
WITHDRAWN = -1.0
NO_TRAINING = (TrialState.DIVERGED, TrialState.PRUNED, TrialState.SCREENED)
"""What says of a behaviour that it does not train on another seed; the other ends are faults, or limits."""


@dataclass(slots=True)
class Measured:
    """One behaviour. ``n`` fitnesses in [0, 1] with their ``mean`` and sum of squared deviations; ``sent``
    trainings, whatever became of them. ``pruned`` is the grade of one that a pruner ended."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    sent: int = 1
    pruned: Grade | None = None
    is_withdrawn: bool = False

    @property
    def grade(self) -> Grade | None:
        """Where it stands among others; None where nothing that counts is known of it."""
        if self.n == 0:
            return self.pruned
        return Grade(WITHDRAWN if self.is_withdrawn else COMPLETED, self.mean)


class Measurements:
    """Of all behaviours of a search, by fingerprint: individuals of equal behaviour share them."""

    def __init__(self) -> None:
        self._of: dict[str, Measured] = {}
        self._squares = 0.0
        self._freedom = 0

    def of(self, fingerprint: str) -> Measured:
        """Of one behaviour, whether or not it was measured yet."""
        return self._of.setdefault(fingerprint, Measured())

    def completed(self, fingerprint: str, accuracy: float) -> None:
        """One more fitness."""
        measured = self.of(fingerprint)
        before, measured.n = measured.squares, measured.n + 1
        apart = accuracy - measured.mean
        measured.mean += apart / measured.n
        measured.squares += apart * (accuracy - measured.mean)
        self._squares += measured.squares - before
        self._freedom += measured.n > 1

    @property
    def spread(self) -> float | None:
        """Standard deviation of one measurement, pooled over the behaviours that have several; None while
        these are too few."""
        if self._freedom < LEAST_FREEDOM:
            return None
        return math.sqrt(max(0.0, self._squares) / self._freedom)
