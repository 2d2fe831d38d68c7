"""The store's contract: SQL is the truth, and this is the only door to it.

One protocol per noun; ``Store`` is all of them over one database. Every method is one transaction. Every
state change is one ``UPDATE … WHERE state = :from`` and one event row in the same transaction. Time is an
argument. One contract suite (``tests/contracts``) runs over every store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from backprop_evo.records.callers import (
    ActRecord,
    Answer,
    AuditFilter,
    EarlierRequest,
    KeyRecord,
    KeyScope,
)
from backprop_evo.records.choosing import EVERY_ROW, RowChoice
from backprop_evo.records.comparing import TrainingRecord
from backprop_evo.records.counting import Counts
from backprop_evo.records.judging import IntermediateRecord, Judged
from backprop_evo.records.leaderboard import LeaderboardRecord, SettingRecord
from backprop_evo.records.load import Load
from backprop_evo.records.nodes import NodeRecord, NodeWish
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import (
    Accuracies,
    EventRecord,
    IndividualRecord,
    Lease,
    Page,
    TrainingTime,
    TrialRecord,
)
from backprop_evo.records.training import IntermediateValue, TrainResult
from backprop_evo.store.acting import Act
from backprop_evo.store.charts_base import Charts
from backprop_evo.store.driven_base import Evaluations, Searches
from backprop_evo.store.keyed import KeyedRequest
from backprop_evo.store.steering_base import Equations, Injections, Retries
from backprop_evo.store.trials_base import Queue, Trials
from backprop_evo.store.webhooks_base import Webhooks


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

    def count(self, search_id: str) -> int:
        """How many a search has proposed, with its baseline and yardsticks."""

    def ancestors(
        self, search_id: str, numbers: Collection[int], *, limit: int = 200, steps: int | None = None
    ) -> Sequence[IndividualRecord]:
        """Those of these numbers, and whatever they came from by ``parent``, ``twin`` and ``remeasures``: the
        nearest first, at most ``limit``, at most ``steps`` back. One statement, which reads no other
        individual."""

    def fitnesses(self, search_id: str, numbers: Collection[int]) -> Mapping[int, Accuracies]:
        """The fitness of those individuals that have one, by number."""

    def first_of(self, search_id: str, fingerprints: Collection[str]) -> Mapping[str, IndividualRecord]:
        """The first individual of the search of each of these behaviours, where there is one."""

    def of_behaviour(self, fingerprint: str, *, limit: int = 20) -> Sequence[IndividualRecord]:
        """The first individual of this behaviour in each search that proposed it, newest first."""


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

    def of_trial(self, trial_id: str) -> Sequence[IntermediateRecord]:
        """Those of one trial by step."""

    def spared(self, trial_ids: Collection[str]) -> Mapping[str, str]:
        """Of those trials that a judgement would have ended and a lot let go on: why, as it was said last."""


class Leaderboard(Protocol):
    """Behaviours in the order of how well they did, with plain backprop among them; each setting for
    itself."""

    def page(
        self,
        search_id: str | None = None,
        *,
        setting_id: str | None = None,
        choice: RowChoice = EVERY_ROW,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[LeaderboardRecord]:
        """Confirmed rows first (by mean validation accuracy in the confirmation), then the others by
        search fitness; the plain-backprop row is ranked among them by its accuracy. Without a search: over
        all searches, of one setting, or of one after the other, each ranked from 1; a
        ``choice`` leaves rows out, and each keeps its rank. Raises ``NotFound`` for a setting without
        results."""

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

    def forget(self, *, before: datetime, limit: int) -> int:
        """Drop the oldest from before that time, ``limit`` at most, of what had ended by then; how many."""

    def last(self) -> int:
        """The id of the newest event, from which a live view goes on; 0 where there is none."""


class Nodes(Protocol):
    """The machines that run workers."""

    def record_heartbeat(self, node: NodeRecord) -> NodeRecord:
        """Store what a node tells of itself; the node as it now stands, with its faults, its quarantine and
        what is asked of it, which a heartbeat does not change."""

    def find(self, name: str) -> NodeRecord | None:
        """The node of that name, alive or not; None where it was never heard of."""

    def wish(self, name: str) -> NodeWish | None:
        """What is asked of that node, in one look at one row; None where it was never heard of."""

    def ask(self, name: str, wanted: Mapping[str, object], *, now: datetime) -> NodeRecord:
        """Ask something of a node: the fields of its wish that change, by name. Raises ``NotFound``."""

    def count_fault(self, name: str, reason: str, *, quarantine_after: int) -> NodeRecord | None:
        """One more training in a row ended by a fault there; so many bring it into quarantine for
        ``reason``. None where it was never heard of."""

    def note_self_test(self, name: str, fault: str | None, *, now: datetime) -> None:
        """A node in quarantine tested itself: None lets it return, anything else is the new reason."""

    def alive(self, *, seen_after: datetime) -> Sequence[NodeRecord]:
        """Nodes that gave a sign of life since then, with what their slots train now."""

    def all(self) -> Sequence[NodeRecord]:
        """Every node that is not forgotten, alive or not."""

    def forget(self, *, seen_before: datetime) -> Sequence[str]:
        """Forget nodes of which nothing was heard since then, with what was asked of them; their names."""


class Statistics(Protocol):
    """Numbers for monitoring, for planning and for reports."""

    def count(self) -> Counts:
        """Searches and trials by state."""

    def worker_time(self, search_id: str) -> Mapping[str, float]:
        """Seconds that workers were busy with each trial of a search or an evaluation, over all attempts that
        have ended; by the id of the trial."""

    def times_of(self, search_id: str, *, limit: int = 200) -> Sequence[TrainingTime]:
        """How long the newest ended trainings of a search, or of an evaluation, took: newest first."""

    def times_in(self, setting_id: str, *, limit: int = 200) -> Sequence[TrainingTime]:
        """The same of the newest few searches with results in this setting."""

    def trainings_of(self, fingerprint: str, *, limit: int = 1000) -> Sequence[TrainingRecord]:
        """The newest ended trainings of a behaviour, over all searches and evaluations; newest first."""

    def results(self, trial_ids: Collection[str]) -> Mapping[str, TrainResult]:
        """Of those of the trials that have ended, with their curves."""


class Monitoring(Protocol):
    """How busy the service is, and what says that it lives."""

    def load(self) -> Load:
        """As of now."""

    def record_step(self, controller: str, *, step_s: float, now: datetime) -> None:
        """A controller has ended a step."""


class Keys(Protocol):
    """API keys; only a hash of each secret is stored."""

    def issue(self, label: str, scope: KeyScope, *, now: datetime) -> tuple[KeyRecord, str]:
        """A new key and its text, which nobody can read again. Raises ``InvalidSettings``."""

    def issue_first(self, label: str, scope: KeyScope, *, now: datetime) -> tuple[KeyRecord, str] | None:
        """The same where there is no key at all, not even a revoked one; else None, and nothing is made."""

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


class Audit(Protocol):
    """What keys did. An act is noted by the transaction that acts (``acting.py``)."""

    def page(self, wanted: AuditFilter, *, cursor: str | None = None, limit: int = 50) -> Page[ActRecord]:
        """Newest first, by keyset. Raises ``InvalidInput`` for a cursor that is not ours."""

    def note_refusal(self, act: Act) -> None:
        """Note that an act was refused."""


class Store(Protocol):
    """Everything that is stored."""

    searches: Searches
    evaluations: Evaluations
    individuals: Individuals
    trials: Trials
    queue: Queue
    retries: Retries
    injections: Injections
    equations: Equations
    intermediates: Intermediates
    leaderboard: Leaderboard
    events: Events
    nodes: Nodes
    statistics: Statistics
    charts: Charts
    keys: Keys
    requests: Requests
    monitoring: Monitoring
    audit: Audit
    webhooks: Webhooks

    def is_ready(self) -> bool:
        """True when the database answers and its schema is the code's."""

    def check_writable(self) -> None:
        """Write and commit one row. Raises ``Unavailable``, as where the disk is full."""

    def close(self) -> None:
        """Give back every connection."""
