"""What holds of a search whatever died: nothing lost, nothing doubled, and decided again the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import AttemptRecord, TrialRecord
from backprop_evo.search.budget import COUNTED
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.store.base import Store
from tests.chaos.stack import Strike

WITHOUT_A_RESULT = ("lost", "released", "not_begun")


def trials_of(store: Store, search_id: str) -> list[TrialRecord]:
    cursor, found = None, []
    while True:
        page = store.trials.page(search_id, cursor=cursor, limit=200)
        found += page.items
        if (cursor := page.next_cursor) is None:
            return found


def broken_promises(store: Store, search_id: str, *, trials: int | None) -> list[str]:
    """In words, none where all hold. ``trials``: exactly so many are counted; None where it was stopped."""
    search, found = store.searches.get(search_id), trials_of(store, search_id)
    counted = [t for t in found if t.purpose in COUNTED and t.state is not TrialState.SCREENED]
    ended = [t for t in counted if t.state is not TrialState.CANCELLED]
    broken = [] if search.state.is_terminal else [f"the search is {search.state}"]
    if trials is not None and not search.trials_done == len(counted) == trials:
        broken.append(f"{search.trials_done} and {len(counted)} of {trials} trials counted")
    if still_open := sum(not each.state.is_terminal for each in found):
        broken.append(f"{still_open} trials not terminal")
    if lost := sum(each.state in (TrialState.LOST, TrialState.FAILED) for each in ended):
        broken.append(f"{lost} trials lost or failed")
    behaviours = Counter(each.fingerprint for each in counted if each.purpose is Purpose.SEARCH)
    if twice := sum(number > 1 for number in behaviours.values()):
        broken.append(f"{twice} behaviours trained twice")
    if sorted(each.finish_order or 0 for each in found) != list(range(1, len(found) + 1)):
        broken.append("finish orders have gaps or doubles")
    if doubled := sum(_results(store, each.id) > 1 for each in found):
        broken.append(f"{doubled} trials with two results")
    return broken + list(_replays(store, search_id))


def _results(store: Store, trial_id: str) -> int:
    outcomes = [each.outcome for each in store.trials.attempts(trial_id)]
    return sum(each not in (*WITHOUT_A_RESULT, "cancelled", None) for each in outcomes)


def _replays(store: Store, search_id: str) -> Iterator[str]:
    search, finishes = store.searches.get(search_id), store.trials.finishes(search_id)
    individuals = tuple(store.individuals.of(search_id))
    if replay(search.spec, SearchLanguage(search.spec), individuals, finishes) != individuals:
        yield "a replay decides otherwise"


@dataclass(frozen=True, slots=True)
class Waste:
    """Seconds that workers spent in attempts, and those of them that came to no result."""

    spent_s: float
    wasted_s: float
    attempts: int
    wasted_attempts: int

    @property
    def share(self) -> float:
        return self.wasted_s / self.spent_s if self.spent_s else 0.0


def waste(store: Store, search_id: str, strikes: Sequence[Strike]) -> Waste:
    """An attempt that was lost ended when its worker was struck, not when that was noticed."""
    attempts = [each for trial in trials_of(store, search_id) for each in store.trials.attempts(trial.id)]
    lost = [each for each in attempts if each.outcome in WITHOUT_A_RESULT]
    seconds = {id(each): _seconds(each, strikes) for each in attempts}
    return Waste(
        spent_s=sum(seconds.values()),
        wasted_s=sum(seconds[id(each)] for each in lost),
        attempts=len(attempts),
        wasted_attempts=len(lost),
    )


def _seconds(attempt: AttemptRecord, strikes: Sequence[Strike]) -> float:
    if attempt.ended_at is None:
        return 0.0
    ends: list[datetime] = [attempt.ended_at]
    if attempt.outcome in WITHOUT_A_RESULT:
        ends += [
            each.at for each in strikes if attempt.worker in each.workers and each.at >= attempt.started_at
        ]
    return (min(ends) - attempt.started_at).total_seconds()
