"""How many trials were sent out and which are still out. Search trials alone count against the budget, and of
them none that ended before its first step."""

from __future__ import annotations

from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState


class Budget:
    """Counts trials by purpose; ``out`` are those without a terminal state."""

    def __init__(self) -> None:
        self.search_sent = 0
        self._out: dict[str, Purpose] = {}

    def sent(self, trial_id: str, purpose: Purpose) -> None:
        """One more trial is out."""
        self._out[trial_id] = purpose
        self.search_sent += purpose is Purpose.SEARCH

    def finished(self, trial_id: str, state: TrialState) -> None:
        """A trial ended. One that was screened out gives its place in the budget back."""
        purpose = self._out.pop(trial_id, None)
        self.search_sent -= purpose is Purpose.SEARCH and state is TrialState.SCREENED

    @property
    def out(self) -> int:
        """Trials that occupy a slot."""
        return len(self._out)

    @property
    def exploring_out(self) -> int:
        """Search and baseline trials that are out: what the choice of equations to confirm waits for."""
        return sum(purpose is not Purpose.CONFIRMATION for purpose in self._out.values())
