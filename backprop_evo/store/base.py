"""The store's contract: SQL is the truth, and this is the only door to it.

Every method is one transaction. Every state change is one ``UPDATE … WHERE state = :from`` and one event row
in the same transaction. Time is an argument. One contract suite (``tests/contracts/test_store.py``) runs over
every store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import Purpose, SearchSpec, SearchState, TrialState
from backprop_evo.records.stored import (
    AttemptRecord,
    EventRecord,
    FinishRecord,
    IndividualRecord,
    LeaderboardRow,
    Lease,
    NodeRecord,
    Page,
    SearchRecord,
    Statistics,
    TrialRecord,
)
from backprop_evo.records.training import TrainResult


class Store(Protocol):
    """Where searches, individuals, trials, attempts, nodes and events live."""

    # -- searches -----------------------------------------------------------------------------------------

    def add_search(
        self, spec: SearchSpec, *, now: datetime, idempotency_key: str | None = None
    ) -> SearchRecord:
        """Store a search as QUEUED. The same key with the same spec returns the first search; with another
        spec it raises ``Conflict``."""

    def search(self, search_id: str) -> SearchRecord:
        """Raises ``NotFound``."""

    def searches(
        self, *, state: SearchState | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[SearchRecord]:
        """Newest first, by keyset. Raises ``InvalidInput`` for a cursor that is not ours."""

    def move_search(
        self,
        search_id: str,
        to: SearchState,
        *,
        now: datetime,
        expected_version: int | None = None,
        reason: str | None = None,
    ) -> SearchRecord:
        """Carry out one transition; repeating the one just made is a no-op. CANCELLED and FAILED also cancel
        every trial that is not terminal. Raises ``NotFound``, ``IllegalTransition`` (with the legal verbs),
        ``Conflict`` for a version that moved on."""

    def extend_search(self, search_id: str, *, trials: int, now: datetime) -> SearchRecord:
        """Raise the number of trials by ``trials``; a completed or stopped search runs again."""

    def claim_search(self, controller: str, *, lease_s: float, now: datetime) -> SearchRecord | None:
        """Give the controller a live search nobody drives (QUEUED becomes RUNNING), oldest first; None when
        there is none."""

    def renew_search_claim(self, search_id: str, controller: str, *, lease_s: float, now: datetime) -> bool:
        """False when the claim was lost to another controller, which must then stop deciding."""

    def release_search_claim(self, search_id: str, controller: str) -> None:
        """Hand the search back, so that the next controller need not wait for the lease to run out."""

    # -- decisions of the controller ----------------------------------------------------------------------

    def record_decisions(
        self,
        search_id: str,
        controller: str,
        individuals: Sequence[IndividualRecord],
        trials: Sequence[TrialRecord],
        *,
        now: datetime,
    ) -> None:
        """Store new individuals and queued trials, all or nothing. Raises ``Conflict`` when the claim was
        lost or an individual of that number exists already (somebody else decided)."""

    def individuals(
        self, search_id: str, *, after: int = -1, limit: int | None = None
    ) -> Sequence[IndividualRecord]:
        """In order of their numbers."""

    def finished_trials(self, search_id: str, *, after: int = 0) -> Sequence[TrialRecord]:
        """Terminal trials in finish order, those with ``finish_order > after``."""

    def finishes(self, search_id: str, *, after: int = 0) -> Sequence[FinishRecord]:
        """The same as the brain needs it, without specs and curves: what a controller rebuilds a long search
        from."""

    def open_trials(self, search_id: str) -> Sequence[TrialRecord]:
        """Trials that are not terminal."""

    # -- workers ------------------------------------------------------------------------------------------

    def trial(self, trial_id: str) -> TrialRecord:
        """Raises ``NotFound``."""

    def attempts(self, trial_id: str) -> Sequence[AttemptRecord]:
        """Every try at the trial, oldest first."""

    def claim_trial(self, trial_id: str, worker: str, *, lease_s: float, now: datetime) -> Lease | None:
        """Lease a QUEUED trial of a running or stopping search to a worker; None when it is not to be trained
        (any more, not yet, or while the search is paused). Exactly one of many concurrent callers gets the
        lease. A worker is named ``node/…``, so that a node's busy slots can be counted."""

    def start_trial(self, lease: Lease, *, now: datetime) -> bool:
        """LEASED becomes RUNNING; False when the lease was lost."""

    def renew_lease(
        self, lease: Lease, *, lease_s: float, now: datetime, progress: Mapping[str, float] | None = None
    ) -> bool:
        """Heartbeat of a running trial with its live numbers; False when the lease was lost or the trial
        cancelled: the worker must stop."""

    def finish_trial(self, lease: Lease, result: TrainResult, *, now: datetime) -> bool:
        """Record curve, result, attempt, finish order and event in one transaction. False, and nothing
        written, when another attempt was first or the lease is not the newest."""

    def release_trial(self, lease: Lease, *, now: datetime, reason: str, retry: bool) -> bool:
        """Give a trial back after a shutdown (``retry``: QUEUED again) or fail it."""

    def lose_trial(self, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy) -> bool:
        """The worker of this lease vanished: put the trial back to QUEUED after the policy's pause, or end it
        as LOST, or as TIMEOUT where it was stopped at the limit. False when the lease is not the newest."""

    def unsent_trials(self, *, queued_before: datetime, limit: int = 1000) -> Sequence[str]:
        """Ids of trials of live searches that were QUEUED (or sent) by that time and might have been tried
        since: the broker may have lost their message."""

    def touch_sent(self, trial_ids: Sequence[str], *, now: datetime) -> None:
        """Remember that the messages of these trials were sent (again)."""

    def expire_leases(self, *, now: datetime, policy: RetryPolicy) -> Sequence[str]:
        """``lose_trial`` for all whose lease ran out; the ids of those that are QUEUED again."""

    # -- reading ------------------------------------------------------------------------------------------

    def trials(
        self,
        search_id: str,
        *,
        state: TrialState | None = None,
        purpose: Purpose | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[TrialRecord]:
        """Newest first, by keyset."""

    def leaderboard(
        self, search_id: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[LeaderboardRow]:
        """Confirmed rows first (by mean validation accuracy of confirmation trials), then the others by
        search fitness; the plain-backprop row is ranked among them by its accuracy. None: over all
        searches."""

    def events(
        self, *, after: int = 0, search_id: str | None = None, limit: int = 500
    ) -> Sequence[EventRecord]:
        """In order of their ids."""

    def last_event(self) -> int:
        """The id of the newest event, from which a live view goes on; 0 where there is none."""

    def baseline(self, search_id: str) -> LeaderboardRow | None:
        """Plain backprop's row of the leaderboard of one search."""

    def beat(self, node: NodeRecord) -> None:
        """Store a node's heartbeat."""

    def nodes(self, *, seen_after: datetime) -> Sequence[NodeRecord]:
        """Nodes alive since then, with the number of their slots that train now."""

    def trials_of_behaviour(
        self, fingerprint: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[TrialRecord]:
        """All trials of one behaviour, over all searches, newest first."""

    def statistics(self) -> Statistics:
        """Counts by state, for monitoring."""

    def is_ready(self) -> bool:
        """True when the database answers and its schema is the code's."""

    def close(self) -> None:
        """Give back every connection."""
