"""Proposals that come to no training, and trainings that come to no fitness: counted, bounded, told."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import SearchRecord

# After so many, less than 0.3 % of proposals can be new (at 95 % certainty).
MAX_SUCCESSIVE = 1000

CHANGE = "widen the vocabulary, or start from an equation that trains"


@dataclass(slots=True)
class Fruitless:
    """Counts in a row: ``untrained`` proposals (twins, and those screened out by their facts) and
    ``screened`` trials, which one backward pass ended.

    Without a bound a vocabulary by which nothing can learn would be searched for ever: the budget counts
    neither.
    """

    untrained: int = 0
    screened: int = 0
    _by_facts: int = 0

    def proposed(self, *, trained: bool, screened_out: bool) -> None:
        """One more proposal."""
        self.untrained = 0 if trained else self.untrained + 1
        self._by_facts = 0 if trained else self._by_facts + screened_out

    def ended(self, state: TrialState) -> None:
        """One more trial of the search itself ended."""
        self.screened = self.screened + 1 if state is TrialState.SCREENED else 0

    @property
    def reason(self) -> str | None:
        """Why nothing more is proposed, in words; None while there is hope."""
        if self.screened >= MAX_SUCCESSIVE:
            return (
                f"the first backward pass of {MAX_SUCCESSIVE} equations in a row was zero, NaN or infinite: "
                f"{CHANGE}"
            )
        if self.untrained < MAX_SUCCESSIVE:
            return None
        if self._by_facts:
            return (
                f"{MAX_SUCCESSIVE} proposals in a row came to no training: {self._by_facts} carry no error, "
                f"the others behave like earlier ones; {CHANGE}"
            )
        return f"{MAX_SUCCESSIVE} proposals in a row brought no new behaviour: the vocabulary is exhausted"


NO_FITNESS = (
    "no training of the search reached a fitness: each diverged, failed or was stopped; try lower rates, "
    "later rungs, or a start equation that trains"
)


def notice(search: SearchRecord) -> str | None:
    """What people should know of a search that runs, in words."""
    if search.state.is_terminal or search.best_fitness is not None:
        return None
    # One with a budget may have time for fewer.
    if search.trials_done < min(search.spec.first_trials, search.trials_total):
        return None
    compares = search.spec.selection.parents == "all" and search.spec.pruner.rungs
    return (
        f"none of the first {search.trials_done} trainings reached a fitness: they diverged, failed or were "
        f"stopped; the search goes on with {'those that came furthest' if compares else 'random equations'}"
    )
