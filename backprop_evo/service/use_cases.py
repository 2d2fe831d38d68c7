"""The use cases: what the API, the command line and tests may ask of the product. One call, one
transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backprop_evo.errors import InvalidInput
from backprop_evo.records.searching import Purpose, SearchSpec, SearchState, TrialState
from backprop_evo.records.stored import (
    AttemptRecord,
    EventRecord,
    IndividualRecord,
    LeaderboardRow,
    NodeRecord,
    Page,
    SearchRecord,
    TrialRecord,
)
from backprop_evo.service.equations import EquationReport, KnownEquation, check_equation, known_equations
from backprop_evo.service.specs import check_search_spec
from backprop_evo.store.base import Store

NODE_SILENCE_S = 60.0
LONGEST_KEY = 200


def utc_now() -> datetime:
    """The clock of a service that is given no other."""
    return datetime.now(UTC)


class Service:
    """Every method raises the errors of ``backprop_evo.errors`` and stores nothing when it does."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self._clock = clock

    # -- searches: verbs, each idempotent -----------------------------------------------------------------

    def submit_search(self, spec: SearchSpec, *, idempotency_key: str | None = None) -> SearchRecord:
        """Check a search and queue it. Raises ``InvalidSettings``, ``InvalidEquation``, ``UnknownDataset``,
        ``Conflict``."""
        if idempotency_key is not None and not 1 <= len(idempotency_key) <= LONGEST_KEY:
            raise InvalidInput(f"an idempotency key has 1 to {LONGEST_KEY} characters")
        check_search_spec(spec)
        return self.store.add_search(spec, now=self._clock(), idempotency_key=idempotency_key)

    def pause(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """Trials that run end, none begin."""
        return self._move(search_id, SearchState.PAUSED, expected_version)

    def resume(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """Go on after a pause."""
        return self._move(search_id, SearchState.RUNNING, expected_version)

    def stop(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """Nothing new is proposed; the search ends when the trials that are out have ended, without
        confirmation."""
        if self.store.search(search_id).state is SearchState.STOPPED:
            return self.store.search(search_id)
        return self._move(search_id, SearchState.STOPPING, expected_version)

    def cancel(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """End now; trials that run are told to stop."""
        return self._move(search_id, SearchState.CANCELLED, expected_version)

    def _move(self, search_id: str, to: SearchState, expected_version: int | None) -> SearchRecord:
        return self.store.move_search(search_id, to, now=self._clock(), expected_version=expected_version)

    def extend(self, search_id: str, trials: int) -> SearchRecord:
        """Add trials to the budget; a completed or stopped search runs again."""
        return self.store.extend_search(search_id, trials=trials, now=self._clock())

    def clone(self, search_id: str, *, name: str | None = None, seed: int | None = None) -> SearchRecord:
        """Submit the same search again, with its present budget."""
        original = self.store.search(search_id)
        spec = replace(
            original.spec,
            name=original.spec.name if name is None else name,
            seed=original.spec.seed if seed is None else seed,
            trials=original.trials_total,
        )
        return self.submit_search(spec)

    # -- reading ------------------------------------------------------------------------------------------

    def search(self, search_id: str) -> SearchRecord:
        """Raises ``NotFound``."""
        return self.store.search(search_id)

    def searches(
        self, *, state: SearchState | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[SearchRecord]:
        """Newest first."""
        return self.store.searches(state=state, cursor=cursor, limit=limit)

    def trials(
        self,
        search_id: str,
        *,
        state: TrialState | None = None,
        purpose: Purpose | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[TrialRecord]:
        """Newest first. Raises ``NotFound``."""
        self.store.search(search_id)
        return self.store.trials(search_id, state=state, purpose=purpose, cursor=cursor, limit=limit)

    def trial(self, trial_id: str) -> TrialRecord:
        """Raises ``NotFound``."""
        return self.store.trial(trial_id)

    def attempts(self, trial_id: str) -> Sequence[AttemptRecord]:
        """Oldest first. Raises ``NotFound``."""
        return self.store.attempts(trial_id)

    def individuals(
        self, search_id: str, *, after: int = -1, limit: int | None = None
    ) -> Sequence[IndividualRecord]:
        """In the order of their numbers. Raises ``NotFound``."""
        self.store.search(search_id)
        return self.store.individuals(search_id, after=after, limit=limit)

    def leaderboard(
        self, search_id: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[LeaderboardRow]:
        """Of one search, or of all. Raises ``NotFound``."""
        if search_id is not None:
            self.store.search(search_id)
        return self.store.leaderboard(search_id, cursor=cursor, limit=limit)

    def events(
        self, *, after: int = 0, search_id: str | None = None, limit: int = 500
    ) -> Sequence[EventRecord]:
        """In the order in which they happened."""
        return self.store.events(after=after, search_id=search_id, limit=limit)

    def nodes(self, *, silent_for_s: float = NODE_SILENCE_S) -> Sequence[NodeRecord]:
        """Nodes that were heard of in the last ``silent_for_s`` seconds."""
        return self.store.nodes(seen_after=self._clock() - timedelta(seconds=silent_for_s))

    # -- equations ----------------------------------------------------------------------------------------

    def check_equation(self, text: str) -> EquationReport:
        """Raises ``InvalidEquation`` with the column."""
        return check_equation(text)

    def known_equations(self) -> Sequence[KnownEquation]:
        """Plain backprop, the feedback alignment family and the paper's Table 1."""
        return known_equations()

    def equation_history(
        self, fingerprint: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[TrialRecord]:
        """All trials of one behaviour, over all searches, newest first."""
        return self.store.trials_of_behaviour(fingerprint, cursor=cursor, limit=limit)
