"""How many trials were sent out and which are still out. Search trials and remeasurements count against the
budget, and of them none that ended before its first step."""

from __future__ import annotations

from collections.abc import Iterable

from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState

LEAST_IN_FLIGHT, MOST_IN_FLIGHT = 2, 2000
"""Where a spec leaves ``in_flight`` open; the least is enough to keep one slot busy between two decisions."""

COUNTED = (Purpose.SEARCH, Purpose.REMEASUREMENT)


def automatic_in_flight(slots: int) -> int:
    """Twice the slots: while one trial trains the next waits beside it. At trials of a second two in flight
    kept two slots busy for 73 % of the time, four for 94 %."""
    return min(MOST_IN_FLIGHT, max(LEAST_IN_FLIGHT, 2 * slots))


class Budget:
    """Counts trials: ``search_sent`` against the budget, ``again_sent`` of them to measure again; ``out`` are
    those without a terminal state."""

    def __init__(self) -> None:
        self.search_sent = self.again_sent = 0
        self._out: set[str] = set()

    def sent(self, trial_id: str, purpose: Purpose) -> None:
        """One more trial is out."""
        self._out.add(trial_id)
        self.search_sent += purpose in COUNTED
        self.again_sent += purpose is Purpose.REMEASUREMENT

    def finished(self, trial_id: str, purpose: Purpose, state: TrialState) -> None:
        """A trial ended. One that was screened out gives its place in the budget back."""
        self._out.discard(trial_id)
        self.search_sent -= purpose in COUNTED and state is TrialState.SCREENED

    def reopened(self, trial_ids: Iterable[str]) -> None:
        """Trials that ended are out once more; their places in the budget are those that they had."""
        self._out.update(trial_ids)

    @property
    def out(self) -> int:
        """Trials that occupy a slot."""
        return len(self._out)
