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
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from backprop_evo.errors import (
    Conflict,
    DatasetUnusable,
    DeviceUnusable,
    InvalidInput,
    Unavailable,
)
from backprop_evo.records.nodes import NOT_BEGUN, node_of
from backprop_evo.records.offering import Offer
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Lease, TrialRecord
from backprop_evo.records.training import IntermediateValue, TrainProgress, TrainResult, TrainSpec
from backprop_evo.service.capacity import pause
from backprop_evo.service.pruning import report_value
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store
from backprop_evo.training.run.rungs import Rungs
from backprop_evo.training.run.stopwatch import Stopwatch
from workers.drain import Drain
from workers.heartbeat import LeaseHeartbeat, kill_this_process, utc_now
from workers.placement import Placement

log = structlog.get_logger(__name__)

T = TypeVar("T")
Train = Callable[
    [TrialRecord, TrainSpec, Callable[[TrainProgress], None], Callable[[], bool], Rungs],
    TrainResult,
]

FAULT = "fault: "
"""How the reason of a release begins when our code, not the node, was at fault: a second one ends the
trial."""

NODE_FAULTS = (ImportError, OSError, DatasetUnusable, DeviceUnusable)
"""What a node meets that lacks torch, a data set or a device, or whose disk or memory is full."""

# Nothing is lost by giving up on a claim: the trial stays queued, and its message comes again.
CLAIM_PATIENCE_S = 120.0
REPORT_PATIENCE_S = 3600.0
"""A result that took hours is worth waiting for the database."""

#: Between two tries: what waits is reported soon after the database is back.
LONGEST_DELAY_S = 4.0


class Ending(StrEnum):
    """What became of one attempt."""

    NOT_OURS = "not ours"
    NOT_YET = "not yet"
    FINISHED = "finished"
    RELEASED = "released"
    OVERTAKEN = "overtaken"


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
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def _placement(self) -> Placement:
        return Placement(self.store, self.worker, self.options)

    def run(self, trial_id: str) -> Ending:
        """Claim the trial and bring it to an end. Raises ``Unavailable`` when the database stays away."""
        self.watch.note("waiting")
        # A claim whose answer got lost leaves a lease in our own name; asked again, it is seen as our own
        # dead predecessor and taken over.
        claimed = self._with_retries(lambda: self._claim(trial_id), CLAIM_PATIENCE_S)
        if isinstance(claimed, Ending):
            log.debug("trial not claimed", trial_id=trial_id, ending=claimed.value)
            return claimed
        offer, lease = claimed
        trial = offer.trial
        with structlog.contextvars.bound_contextvars(search_id=trial.search_id, trial_id=trial_id):
            log.info("trial starts", method=trial.method.json, attempt=lease.fence)
            ending = self._train(offer, lease)
            log.info("trial ends", ending=ending.value)
            self.watch = Stopwatch()
            return ending

    def lose_predecessor(self) -> None:
        """Give up whatever is leased in this worker's own name: a slot trains one trial at a time, so that it
        was a process's that died. Raises ``Unavailable``."""
        lost = self.store.trials.lose_all(
            self.worker,
            now=self.now(),
            reason="its worker process died (out of memory?)",
            policy=self.options.retry_policy,
        )
        if lost:
            log.warning("lost by the process before", trials=list(lost))

    def _claim(self, trial_id: str) -> tuple[Offer, Lease] | Ending:
        """The trial as it was before the claim, which changes nothing of what is trained."""
        # First: the trial itself may be one of those, and is then back in the queue, or at its end.
        self.lose_predecessor()
        offer = self.store.queue.offer(trial_id, node_of(self.worker))
        if offer is None:
            return Ending.NOT_OURS
        now, lease_s = self.now(), self.options.lease_s
        if self._placement.leaves(offer, now):
            # A message that nobody wants must not go round for ever: resuming the search sends a new one.
            return Ending.NOT_YET if self.store.queue.is_wanted(trial_id) else Ending.NOT_OURS
        lease = self.store.trials.claim(trial_id, self.worker, lease_s=lease_s, now=now, starts=True)
        return (offer, lease) if lease else Ending.NOT_OURS

    def _train(self, offer: Offer, lease: Lease) -> Ending:
        trial = offer.trial
        with LeaseHeartbeat(self.store, lease, self.options, self.now, self.end_process) as heartbeat:
            try:
                rungs = self._rungs(offer, lease)
                self.watch.note("claim")
                result = self.train(
                    trial,
                    self._limited(trial.spec),
                    heartbeat.note_progress,
                    lambda: heartbeat.lost or self.drain.is_over,
                    rungs,
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
            # No room for the data set is this node's trouble, not the child's.
            if not result.begun:
                return self._after_fault(trial, lease, DeviceUnusable(result.reason or "no memory"))
            if result.seconds:
                result = replace(result, seconds={**self.watch.seconds, **result.seconds})
            return self._report(lease, result, lost=heartbeat.lost)

    def _rungs(self, offer: Offer, lease: Lease) -> Rungs:
        trial = offer.trial
        # An evaluation compares whole trainings; its values are for people.
        spec = offer.search or SearchSpec(name=trial.search_id, screening=False)

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
        """What a node lacks says nothing about the trial, which goes back; any other exception once again,
        then FAILED with its last line. Both count against the node."""
        # One line, short enough for a list; the whole traceback is in the log.
        reason = f"{FAULT}{type(error).__name__}: {error}".splitlines()[0][:500]
        if isinstance(error, NODE_FAULTS):
            ending = self._return_unbegun(trial, lease, reason)
        else:
            earlier = [
                a
                for a in self.store.trials.attempts(trial.id)
                if a.reason is not None and a.reason.startswith(FAULT) and a.outcome != NOT_BEGUN
            ]
            # Due at once, but for this node, while others live: see ``placement``.
            ending = self._release(lease, reason, retry=not earlier, not_before=self.now())
        after = self.options.quarantine_after
        node = self.store.nodes.count_fault(node_of(self.worker), reason, quarantine_after=after)
        if node is not None and node.quarantine is not None:
            log.error("node is in quarantine", node=node.name, reason=node.quarantine)
        return ending

    def _return_unbegun(self, trial: TrialRecord, lease: Lease, reason: str) -> Ending:
        returned = self._with_retries(
            lambda: self.store.trials.return_unbegun(
                lease, now=self.now(), reason=reason, policy=self.options.retry_policy
            ),
            REPORT_PATIENCE_S,
        )
        if not returned:
            return Ending.OVERTAKEN
        if self._placement.nobody_is_left(trial, self.now()):
            why = f"no node could begin trial {trial.id}; the last: {reason}"
            with suppress(Conflict):  # it ended, or somebody paused it
                pause(self.store, trial, why, now=self.now())
        return Ending.RELEASED

    def _release(
        self, lease: Lease, reason: str, *, retry: bool, not_before: datetime | None = None
    ) -> Ending:
        released = self._with_retries(
            lambda: self.store.trials.release(
                lease, now=self.now(), reason=reason, retry=retry, not_before=not_before
            ),
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
                delay_s = min(LONGEST_DELAY_S, delay_s * 2)


def _ended(outcome: TrialState, reason: str) -> TrainResult:
    return TrainResult(outcome=outcome, reason=reason)
