"""The store's contract for trials: what workers do to one, lists of them, and which of them wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from backprop_evo.records.choosing import EVERY_TRIAL, TrialChoice
from backprop_evo.records.counting import Share
from backprop_evo.records.nodes import Demand, Want
from backprop_evo.records.offering import Offer
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.stored import AttemptRecord, FinishRecord, Lease, Page, TrialRecord
from backprop_evo.records.training import TrainResult


class Trials(Protocol):
    """Trials and the attempts at them: what workers do to one, and lists of them."""

    def get(self, trial_id: str) -> TrialRecord:
        """Raises ``NotFound``."""

    def attempts(self, trial_id: str) -> Sequence[AttemptRecord]:
        """Every try at the trial, oldest first. Raises ``NotFound``."""

    def page(
        self,
        search_id: str,
        *,
        choice: TrialChoice = EVERY_TRIAL,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[TrialRecord]:
        """Those of a search that are chosen, in the order that is, by keyset."""

    def of_behaviour(
        self, fingerprint: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[TrialRecord]:
        """All trials of one behaviour, over all searches, newest first."""

    def open(self, search_id: str) -> Sequence[TrialRecord]:
        """Those of a search that are not terminal."""

    def finished(self, search_id: str, *, after: int = 0) -> Sequence[TrialRecord]:
        """Terminal trials in finish order, those with ``finish_order > after``."""

    def finishes(self, search_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[FinishRecord]:
        """The same as the brain needs it, without specs and curves, at most ``limit``: what a controller
        rebuilds a long search from."""

    def claim(
        self, trial_id: str, worker: str, *, lease_s: float, now: datetime, starts: bool = False
    ) -> Lease | None:
        """Lease a QUEUED trial of a running or stopping search to a worker; None when it is not to be trained
        (any more, not yet, or while the search is paused). Exactly one of many concurrent callers gets the
        lease. A worker is named ``node/…``, so that a node's busy slots can be counted.
        One that ``starts`` at once saves itself a transaction."""

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

    def release(
        self, lease: Lease, *, now: datetime, reason: str, retry: bool, not_before: datetime | None = None
    ) -> bool:
        """Give a trial back after a shutdown or a fault (``retry``: QUEUED again, to be tried at
        ``not_before`` at the earliest) or fail it."""

    def return_unbegun(self, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy) -> bool:
        """The node could not begin: QUEUED again after the policy's pause, which grows with every such
        attempt, and never anything else: nothing was learned about the trial."""

    def lose(self, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy) -> bool:
        """The worker of this lease vanished: put the trial back to QUEUED after the policy's pause, or end it
        as LOST, or as TIMEOUT where it was stopped at the limit. False when the lease is not the newest."""

    def lose_all(self, worker: str, *, now: datetime, reason: str, policy: RetryPolicy) -> Sequence[str]:
        """``lose`` for every lease in this worker's name, which trains one trial at a time: called before it
        claims, they are a dead predecessor's. The ids of the trials."""

    def expire(self, *, now: datetime, policy: RetryPolicy) -> Sequence[str]:
        """``lose`` for all whose lease ran out; the ids of those that are QUEUED again."""

    def common_failure(self, search_id: str) -> str | None:
        """Why none of the trials that it is about came to a result: the reason of the last, in words, where
        all that ended failed or were lost; None where one did not, or none has ended."""


class Queue(Protocol):
    """Trials that wait for a worker, and the messages that tell workers of them."""

    def unsent(
        self,
        *,
        queued_before: datetime,
        search_id: str | None = None,
        was_sent: bool = False,
        limit: int = 1000,
    ) -> Sequence[str]:
        """Ids of trials of live searches, or of one, that were QUEUED (or sent) by that time and might have
        been tried since, oldest first. ``was_sent``: only those for which a message was sent, which the
        broker may have lost."""

    def still_waiting(self, trial_ids: Collection[str]) -> Mapping[str, str]:
        """Those of the trials that are QUEUED, and were not taken since their message was sent; each with
        its search."""

    def shares(self) -> Sequence[Share]:
        """The live searches with QUEUED trials, oldest first."""

    def mark_sent(self, trial_ids: Sequence[str], *, now: datetime) -> None:
        """Remember that the messages of these trials were sent (again)."""

    def labels_asked(self, search_id: str) -> tuple[str, ...]:
        """What a node must carry to train for this search or evaluation; nothing for one there is not."""

    def wants(self) -> Sequence[Want]:
        """What live searches with QUEUED trials ask of nodes, and those that were paused because no node can
        train them; each once."""

    def demand(self) -> Demand:
        """How many trials of live searches wait, and how many train."""

    def offer(self, trial_id: str, node: str) -> Offer | None:
        """What a worker of that node has to know before it claims the trial; None where there is none."""

    def is_wanted(self, trial_id: str) -> bool:
        """True for a QUEUED trial of a search that workers may train for."""
