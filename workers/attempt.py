"""One attempt at one trial: claim it in SQL, train, report. Safe to run any number of times for the same
trial.

A claim hands out a lease with a fence; whatever this process does after losing the lease, it can write
nothing. No equation, however odd, ends the worker: every way a training can end is a result, a release or a
logged fault.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from backprop_evo.errors import InvalidInput, NotFound, Unavailable
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Lease, TrialRecord, node_of
from backprop_evo.records.training import IntermediateValue, TrainProgress, TrainResult, TrainSpec
from backprop_evo.service.pruning import report_value
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store
from backprop_evo.training.run.rungs import Rungs
from workers.heartbeat import LeaseHeartbeat, kill_this_process, utc_now

log = structlog.get_logger(__name__)

T = TypeVar("T")
Train = Callable[
    [TrialRecord, TrainSpec, Callable[[TrainProgress], None], Callable[[], bool], Rungs],
    TrainResult,
]

FAULT = "fault: "
"""How the reason of a release begins when our code, not the node, was at fault: a second one ends the
trial."""

# Nothing is lost by giving up on a claim: the trial stays queued, and its message comes again.
CLAIM_PATIENCE_S = 120.0
REPORT_PATIENCE_S = 3600.0
"""A result that took hours is worth waiting for the database."""


class Ending(StrEnum):
    """What became of one attempt."""

    NOT_OURS = "not ours"
    NOT_YET = "not yet"
    FINISHED = "finished"
    RELEASED = "released"
    OVERTAKEN = "overtaken"


@dataclass(slots=True)
class Drain:
    """The wish to stop soon: a trial may still end within ``drain_s``."""

    deadline: float | None = None

    def begin(self, drain_s: float) -> None:
        """From now on; a second wish changes no deadline."""
        if self.deadline is None:
            self.deadline = time.monotonic() + drain_s

    @property
    def is_over(self) -> bool:
        """True once the time to finish is spent: what trains is given back."""
        return self.deadline is not None and time.monotonic() >= self.deadline


@dataclass(slots=True)
class Attempts:
    """The attempts of one worker process, one after the other."""

    store: Store
    worker: str
    options: Settings
    train: Train
    drain: Drain
    now: Callable[[], datetime] = utc_now
    end_process: Callable[[], None] = kill_this_process

    def run(self, trial_id: str) -> Ending:
        """Claim the trial and bring it to an end. Raises ``Unavailable`` when the database stays away."""
        # A claim whose answer got lost leaves a lease in our own name; asked again, it is seen as our own
        # dead predecessor and taken over.
        lease = self._with_retries(lambda: self._claim(trial_id), CLAIM_PATIENCE_S)
        if isinstance(lease, Ending):
            log.debug("trial not claimed", trial_id=trial_id, ending=lease.value)
            return lease
        trial = self._with_retries(lambda: self.store.trials.get(trial_id), CLAIM_PATIENCE_S)
        with structlog.contextvars.bound_contextvars(search_id=trial.search_id, trial_id=trial_id):
            if not self._with_retries(
                lambda: self.store.trials.start(lease, now=self.now()), CLAIM_PATIENCE_S
            ):
                return Ending.OVERTAKEN
            log.info("trial starts", method=trial.method.json, attempt=lease.fence)
            ending = self._train(trial, lease)
            log.info("trial ends", ending=ending.value)
            return ending

    def _claim(self, trial_id: str) -> Lease | Ending:
        try:
            trial = self.store.trials.get(trial_id)
            # Read again: the loss may have put the trial back, ended it, or given it a time to wait for.
            if self._lose_predecessor(trial):
                trial = self.store.trials.get(trial_id)
        except NotFound:
            return Ending.NOT_OURS
        now = self.now()
        if trial.state is TrialState.QUEUED and self._is_not_yet_ours(trial, now):
            return Ending.NOT_YET
        lease = self.store.trials.claim(trial_id, self.worker, lease_s=self.options.lease_s, now=now)
        return lease or Ending.NOT_OURS

    def _lose_predecessor(self, trial: TrialRecord) -> bool:
        """A slot trains one trial at a time: a lease in this worker's own name is a dead process's."""
        if trial.worker != self.worker or trial.state not in (TrialState.LEASED, TrialState.RUNNING):
            return False
        lease = Lease(trial.id, trial.fence, self.worker, trial.lease_expires_at or self.now())
        reason = "its worker process died (out of memory?)"
        return self.store.trials.lose(lease, now=self.now(), reason=reason, policy=self.options.retry_policy)

    def _is_not_yet_ours(self, trial: TrialRecord, now: datetime) -> bool:
        """A lost trial waits until it is due, and is then left to other nodes that live, for ``resend_s``."""
        if trial.not_before is None or now >= trial.not_before + timedelta(seconds=self.options.resend_s):
            return False
        # Two waits follow each other: the pause after a loss holds for everybody, the one after it only for
        # the node on which the trial was lost.
        if now < trial.not_before:
            return True
        here = node_of(self.worker)
        if node_of(self.store.trials.attempts(trial.id)[-1].worker) != here:
            return False
        # A node that is alone must not wait for others: its trial would never be tried again.
        alive = self.store.nodes.alive(seen_after=now - timedelta(seconds=self.options.lease_s))
        return any(node.name != here for node in alive)

    def _train(self, trial: TrialRecord, lease: Lease) -> Ending:
        with LeaseHeartbeat(self.store, lease, self.options, self.now, self.end_process) as heartbeat:
            try:
                result = self.train(
                    trial,
                    self._limited(trial.spec),
                    heartbeat.note_progress,
                    lambda: heartbeat.lost or self.drain.is_over,
                    self._rungs(trial, lease),
                )
            # Celery raises this in the main thread, also where torch does not come by our own limit for long.
            except SoftTimeLimitExceeded:
                result = _ended(
                    TrialState.TIMEOUT, f"over the limit of {self.options.trial_time_limit_s:g} s"
                )
            # What cannot be trained fails on every node alike: trying again is useless.
            except InvalidInput as error:
                result = _ended(TrialState.FAILED, error.message)
            except Exception as error:
                # From here on only the database is waited for, which must not look like a training that
                # hangs.
                heartbeat.training_ended()
                log.exception("training fault")
                return self._after_fault(trial, lease, error)
            heartbeat.training_ended()
            return self._report(lease, result, lost=heartbeat.lost)

    def _rungs(self, trial: TrialRecord, lease: Lease) -> Rungs:
        if trial.purpose is Purpose.EVALUATION:  # compares whole trainings; its values are for people
            spec = SearchSpec(name=trial.search_id, screening=False)
        else:
            search = self._with_retries(lambda: self.store.searches.get(trial.search_id), CLAIM_PATIENCE_S)
            spec = search.spec

        def judge(value: IntermediateValue) -> str | None:
            try:
                return self._with_retries(
                    lambda: report_value(self.store, lease, spec, value, now=self.now()),
                    # Between rungs nobody judges: such a value is for people, and not worth holding up a
                    # training.
                    CLAIM_PATIENCE_S if value.rung is not None else 0.0,
                )
            except Unavailable as error:  # a training that cannot be judged goes on: nothing is lost but time
                log.warning("intermediate value not stored", step=value.step, reason=error.message)
                return None

        return Rungs(
            spec.pruner.rungs,
            judge,
            measures_accuracy=spec.pruner.signal == "validation_accuracy",
            # What the others are measured by is trained whatever it sends.
            screens=spec.screening and trial.purpose is Purpose.SEARCH,
        )

    def _limited(self, spec: TrainSpec) -> TrainSpec:
        # Ours ends a training in good order, before Celery interrupts and then kills it (``workers/app.py``).
        limit_s = min(spec.time_limit_s or self.options.trial_time_limit_s, self.options.trial_time_limit_s)
        return replace(spec, time_limit_s=limit_s)

    def _report(self, lease: Lease, result: TrainResult, *, lost: bool) -> Ending:
        if result.outcome is TrialState.CANCELLED:
            # The loop stops for either of two reasons: the lease is gone and nothing may be written, or the
            # node drains and the trial is given back.
            if lost:
                return Ending.OVERTAKEN
            return self._release(lease, "its node is shutting down", retry=True)
        finished = self._with_retries(
            lambda: self.store.trials.finish(lease, result, now=self.now()), REPORT_PATIENCE_S
        )
        return Ending.FINISHED if finished else Ending.OVERTAKEN

    def _after_fault(self, trial: TrialRecord, lease: Lease, error: Exception) -> Ending:
        """Once again for the first unexpected exception, then FAILED with its last line."""
        earlier = [
            a
            for a in self.store.trials.attempts(trial.id)
            if a.reason is not None and a.reason.startswith(FAULT)
        ]
        # One line, short enough for a list; the whole traceback is in the log.
        reason = f"{FAULT}{type(error).__name__}: {error}".splitlines()[0][:500]
        return self._release(lease, reason, retry=not earlier)

    def _release(self, lease: Lease, reason: str, *, retry: bool) -> Ending:
        released = self._with_retries(
            lambda: self.store.trials.release(lease, now=self.now(), reason=reason, retry=retry),
            REPORT_PATIENCE_S,
        )
        if not released:
            return Ending.OVERTAKEN
        return Ending.RELEASED if retry else Ending.FINISHED

    def _with_retries(self, ask: Callable[[], T], patience_s: float) -> T:
        """Ask the database, again and later each time while it cannot be reached. Raises ``Unavailable`` in
        the end."""
        deadline, delay_s, wait = time.monotonic() + patience_s, 0.2, threading.Event()
        while True:
            try:
                return ask()
            except Unavailable as error:
                # A node that shuts down has no time for patience; an unreported trial comes back when its
                # lease ends.
                if time.monotonic() + delay_s > deadline or self.drain.is_over:
                    raise
                log.warning("database away", reason=error.message, again_in_s=delay_s)
                # The limit may strike while a finished result waits for the database: that result still
                # counts.
                with suppress(SoftTimeLimitExceeded):
                    wait.wait(delay_s)
                delay_s = min(10.0, delay_s * 2)


def _ended(outcome: TrialState, reason: str) -> TrainResult:
    return TrainResult(outcome=outcome, reason=reason)
