"""What a brain, or a plan, decides at one time, and how much it may."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import IndividualRecord, TrialRecord

# Twins cost no training, so that free slots alone do not bound a batch; the transaction that stores one stays
# short.
MAX_PROPOSALS_AT_ONCE = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What is to be stored now. ``end`` is the state to move to when all is done, and the ``finalists`` have
    gone through the funnel; ``more`` asks to be called again at once, because the batch was full before the
    slots were."""

    individuals: tuple[IndividualRecord, ...] = ()
    trials: tuple[TrialRecord, ...] = ()
    finalists: tuple[MethodSpec, ...] = ()
    end: SearchState | None = None
    reason: str | None = None
    more: bool = False

    @property
    def is_empty(self) -> bool:
        """True where nothing is to be stored, whether or not the search ends."""
        return not self.individuals and not self.trials
