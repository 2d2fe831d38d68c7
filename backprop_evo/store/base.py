"""The store's contract: SQL is the truth, and this is the only door to it.

One protocol per noun; ``Store`` is all of them over one database. Every method is one transaction. Every
state change is one ``UPDATE … WHERE state = :from`` and one event row in the same transaction. Time is an
argument. One contract suite (``tests/contracts``) runs over every store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from backprop_evo.records.judging import IntermediateRecord, Judged
from backprop_evo.records.leaderboard import LeaderboardRecord, SettingRecord
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import (
    Answer,
    AttemptRecord,
    Counts,
    EarlierRequest,
    EventRecord,
    FinishRecord,
    IndividualRecord,
    KeyRecord,
    KeyScope,
    Lease,
    NodeRecord,
    Page,
    TrialRecord,
)
from backprop_evo.records.training import IntermediateValue, TrainResult
from backprop_evo.store.driven_base import Evaluations, Searches
from backprop_evo.store.keyed import KeyedRequest


class Individuals(Protocol):
    """What controllers propose."""

    def record(
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

    def of(self, search_id: str, *, after: int = -1, limit: int | None = None) -> Sequence[IndividualRecord]:
        """Those of a search in order of their numbers, from ``after + 1`` on."""


class Trials(Protocol):
    """Trials and the attempts at them: what workers do to one, which wait to be sent, and lists of them."""

    def get(self, trial_id: str) -> TrialRecord:
        """Raises ``NotFound``."""

    def attempts(self, trial_id: str) -> Sequence[AttemptRecord]:
        """Every try at the trial, oldest first. Raises ``NotFound``."""

    def page(
        self,
        search_id: str,
        *,
        state: TrialState | None = None,
        purpose: Purpose | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[TrialRecord]:
        """Those of a search, newest first, by keyset."""

    def of_behaviour(
        self, fingerprint: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[TrialRecord]:
        """All trials of one behaviour, over all searches, newest first."""

    def open(self, search_id: str) -> Sequence[TrialRecord]:
        """Those of a search that are not terminal."""

    def finished(self, search_id: str, *, after: int = 0) -> Sequence[TrialRecord]:
        """Terminal trials in finish order, those with ``finish_order > after``."""

    def finishes(self, search_id: str, *, after: int = 0) -> Sequence[FinishRecord]:
        """The same as the brain needs it, without specs and curves: what a controller rebuilds a long search
        from."""

    def claim(self, trial_id: str, worker: str, *, lease_s: float, now: datetime) -> Lease | None:
        """Lease a QUEUED trial of a running or stopping search to a worker; None when it is not to be trained
        (any more, not yet, or while the search is paused). Exactly one of many concurrent callers gets the
        lease. A worker is named ``node/…``, so that a node's busy slots can be counted."""

    def start(self, lease: Lease, *, now: datetime) -> bool:
        """LEASED becomes RUNNING; False when the lease was lost."""

    def renew(
        self, lease: Lease, *, lease_s: float, now: datetime, progress: Mapping[str, float] | None = None
    ) -> bool:
        """Heartbeat of a running trial with its live numbers; False when the lease was lost or the trial
        cancelled: the worker must stop."""

    def finish(self, lease: Lease, result: TrainResult, *, now: datetime) -> bool:
        """Record curve, result, attempt, finish order and event in one transaction. False, and nothing
        written, when another attempt was first or the lease is not the newest."""

    def release(self, lease: Lease, *, now: datetime, reason: str, retry: bool) -> bool:
        """Give a trial back after a shutdown (``retry``: QUEUED again) or fail it."""

    def lose(self, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy) -> bool:
        """The worker of this lease vanished: put the trial back to QUEUED after the policy's pause, or end it
        as LOST, or as TIMEOUT where it was stopped at the limit. False when the lease is not the newest."""

    def expire(self, *, now: datetime, policy: RetryPolicy) -> Sequence[str]:
        """``lose`` for all whose lease ran out; the ids of those that are QUEUED again."""

    def unsent(self, *, queued_before: datetime, limit: int = 1000) -> Sequence[str]:
        """Ids of trials of live searches that were QUEUED (or sent) by that time and might have been tried
        since: the broker may have lost their message."""

    def mark_sent(self, trial_ids: Sequence[str], *, now: datetime) -> None:
        """Remember that the messages of these trials were sent (again)."""


Judgement = Callable[[Purpose, int, Sequence[IntermediateRecord]], Judged]
"""Whether a training is to end: from its purpose, the number of its individual, and the values stored before
at the same rung.
"""


class Intermediates(Protocol):
    """What running trainings reported on their way, and what was decided of it."""

    def report(
        self, lease: Lease, value: IntermediateValue, *, judge: Judgement, now: datetime
    ) -> IntermediateRecord | None:
        """Store a value with the judgement on it, which sees exactly the values that were stored before. A
        value that an earlier attempt reported keeps its judgement. None, and nothing written, when the lease
        is not the newest."""

    def of(self, search_id: str, *, after: int = 0) -> Sequence[IntermediateRecord]:
        """Those of a search in report order, those with ``report_order > after``."""


class Leaderboard(Protocol):
    """Behaviours in the order of how well they did, with plain backprop among them; each setting for
    itself."""

    def page(
        self,
        search_id: str | None = None,
        *,
        setting_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[LeaderboardRecord]:
        """Confirmed rows first (by mean validation accuracy in the confirmation), then the others by
        search fitness; the plain-backprop row is ranked among them by its accuracy. Without a search: over
        all searches, of one setting, or of one after the other, each ranked from 1. Raises ``NotFound`` for a
        setting without results."""

    def baseline(self, search_id: str) -> LeaderboardRecord | None:
        """Plain backprop's row of one search; None until it has a fitness."""

    def settings(self, *, cursor: str | None = None, limit: int = 50) -> Page[SettingRecord]:
        """Those with results, the one with most of them first, by keyset."""

    def setting(self, setting_id: str) -> SettingRecord:
        """Raises ``NotFound`` for one without results."""


class Events(Protocol):
    """What happened, in the order in which it was committed."""

    def after(
        self, event_id: int = 0, *, search_id: str | None = None, limit: int = 500
    ) -> Sequence[EventRecord]:
        """Those with a greater id, in order of their ids."""

    def last(self) -> int:
        """The id of the newest event, from which a live view goes on; 0 where there is none."""


class Nodes(Protocol):
    """The machines that run workers."""

    def record_heartbeat(self, node: NodeRecord) -> None:
        """Store a node's heartbeat."""

    def alive(self, *, seen_after: datetime) -> Sequence[NodeRecord]:
        """Nodes that gave a sign of life since then, with the number of their slots that train now."""


class Statistics(Protocol):
    """Numbers for monitoring."""

    def count(self) -> Counts:
        """Searches and trials by state."""


class Keys(Protocol):
    """API keys; only a hash of each secret is stored."""

    def issue(self, label: str, scope: KeyScope, *, now: datetime) -> tuple[KeyRecord, str]:
        """A new key and its text, which nobody can read again. Raises ``InvalidSettings``."""

    def all(self) -> Sequence[KeyRecord]:
        """All keys, revoked ones too, oldest first."""

    def revoke(self, key_id: str, *, now: datetime) -> KeyRecord:
        """The key opens nothing from now on; revoking again changes nothing. Raises ``NotFound``."""

    def authenticate(self, text: str) -> KeyRecord | None:
        """The key that this text is; None for a text that is wrong, unknown or revoked."""


class Requests(Protocol):
    """Requests that came with a key, and the first answers to them. That one acts is noted by the
    transaction that acts (``keyed.py``)."""

    def find(self, caller: str, key: str) -> EarlierRequest | None:
        """The request that this caller sent under this key, if it acted or was answered."""

    def keep(self, request: KeyedRequest, answer: Answer) -> None:
        """Keep the answer, unless another request with this key was answered first; forget old ones."""


class Store(Protocol):
    """Everything that is stored."""

    searches: Searches
    evaluations: Evaluations
    individuals: Individuals
    trials: Trials
    intermediates: Intermediates
    leaderboard: Leaderboard
    events: Events
    nodes: Nodes
    statistics: Statistics
    keys: Keys
    requests: Requests

    def is_ready(self) -> bool:
        """True when the database answers and its schema is the code's."""

    def close(self) -> None:
        """Give back every connection."""
