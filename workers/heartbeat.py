"""Signs of life in SQL: a node's, and a worker's while it trains. Liveness comes from here, never from the
broker."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import structlog

from backprop_evo.errors import BackpropEvoError
from backprop_evo.records.nodes import NodeRecord, NodeWish
from backprop_evo.records.stored import Lease
from backprop_evo.records.training import TrainProgress
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store
from workers.devices import Slot, free_memory, present_datasets

log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The clock outside of tests."""
    return datetime.now(UTC)


def kill_this_process() -> None:
    """Whatever it is busy with; Celery replaces it and hands its message out again."""
    os.kill(os.getpid(), signal.SIGKILL)


class LeaseHeartbeat:
    """Renews a lease from a thread while a trial trains, and carries its live numbers to SQL.

    ``lost`` becomes true when the trial is no longer ours: overtaken, cancelled, or ended. A database that
    cannot be reached is no reason to stop: the result may still be in time. A training without progress for
    ``stall_s`` hangs, perhaps where no signal reaches it: the trial is given up and ``end_process`` called.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        options: Settings,
        now: Callable[[], datetime] = utc_now,
        end_process: Callable[[], None] = kill_this_process,
    ) -> None:
        self._store, self._lease, self._options, self._now = store, lease, options, now
        self._end_process = end_process
        # Written by the training thread, read by the heartbeat: one reference, replaced whole, needs no lock.
        self._progress: TrainProgress | None = None
        self._last_news = time.monotonic()
        self._training_ended = False
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._renew_until_ended, name=f"lease-{lease.trial_id}", daemon=True
        )

    @property
    def lost(self) -> bool:
        """Safe to ask from the thread that trains."""
        return self._lost.is_set()

    def note_progress(self, progress: TrainProgress) -> None:
        """Remember where the training stands, for the next beat."""
        self._progress = progress
        self._last_news = time.monotonic()

    def training_ended(self) -> None:
        """From now on no progress is expected; its result may wait long for the database."""
        self._training_ended = True

    def __enter__(self) -> LeaseHeartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # A renewal that waits for the database must not hold back the result; the thread is a daemon.
        self._thread.join(timeout=self._options.heartbeat_s)

    def _renew_until_ended(self) -> None:
        while not self._ended.wait(self._options.heartbeat_s):
            self.renew()

    def renew(self) -> None:
        """One renewal, or the end of a training that hangs."""
        # Checked before renewing: a training that hangs must not be kept alive by its own heartbeat.
        if not self._training_ended and time.monotonic() - self._last_news > self._options.stall_s:
            self._give_up()
            return
        progress = self._progress
        try:
            renewed = self._store.trials.renew(
                self._lease,
                lease_s=self._options.lease_s,
                now=self._now(),
                progress=live_numbers(progress) if progress is not None else None,
            )
        except Exception as error:
            log.warning("lease not renewed", trial_id=self._lease.trial_id, reason=str(error))
            return
        # After the training ended a refused renewal means only that its result was stored.
        if not renewed and not self._ended.is_set():
            self._lost.set()

    def _give_up(self) -> None:
        reason = f"no progress for {self._options.stall_s:g} s"
        log.error("training hangs", trial_id=self._lease.trial_id, reason=reason)
        # First, so that a training which comes back to life ends by itself.
        self._lost.set()
        with suppress(BackpropEvoError):  # else the lease runs out by itself
            self._store.trials.lose(
                self._lease, now=self._now(), reason=reason, policy=self._options.retry_policy
            )
        self._end_process()


def live_numbers(progress: TrainProgress) -> dict[str, float]:
    """What a screen shows of a running trial: finite numbers only. ``probing`` is 1 during the probe of
    rates."""
    numbers = {
        "epoch": progress.epoch,
        "epochs": progress.epochs,
        "train_loss": progress.train_loss,
        "validation_accuracy": progress.validation_accuracy,
        "images_per_s": progress.images_per_s,
        "eta_s": progress.eta_s,
        "probing": float(progress.phase == "probe"),
    }
    return {name: value for name, value in numbers.items() if value is not None and abs(value) < float("inf")}


LOOK_AT_WISH_S = 1.0
"""A node obeys within about two of these."""


class NodeHeartbeat:
    """Tells SQL that a node is there and what it has, from the node's own loop, about every ``heartbeat_s``
    and when something changed; hears what is asked of it.

    ``stored`` is the node as SQL had it at the last beat: the node learns from it that it is in quarantine.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        slots: tuple[Slot, ...],
        options: Settings,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._options, self._now = store, options, now
        self.stored = NodeRecord(
            name=name,
            slots=len(slots),
            devices=tuple(slot.device for slot in slots),
            code_version=metadata.version("backprop-evo"),
            started_at=now(),
            seen_at=now(),
            own_labels=options.own_labels,
            fetches=options.fetch_data,
        )
        self._next = self._next_look = 0.0

    def note(self, **changed: Any) -> None:
        """What is told of the node from now on; with the next call of ``send_if_due`` where it is new."""
        noted = replace(self.stored, **changed)
        if noted != self.stored:
            self.stored, self._next = noted, 0.0

    def wish_if_due(self, clock: float) -> NodeWish:
        """What is asked of the node, as far as is known: it is looked at about every second."""
        if clock >= self._next_look:
            self._next_look = clock + LOOK_AT_WISH_S
            with suppress(BackpropEvoError):  # the last one that was heard still holds
                wish = self._store.nodes.wish(self.stored.name)
                self.stored = replace(self.stored, wish=wish or self.stored.wish)
        return self.stored.wish

    def send_if_due(self, clock: float) -> None:
        """``clock`` is a monotonic time in seconds. A database that cannot be reached is tried again at the
        next beat."""
        if clock < self._next:
            return
        self._next = clock + self._options.heartbeat_s
        record = replace(
            self.stored,
            seen_at=self._now(),
            datasets=present_datasets(self._options.resolved_data_dir),
            free_memory_mib=free_memory() // 2**20,
        )
        try:
            self.stored = self._store.nodes.record_heartbeat(record)
        except BackpropEvoError as error:
            log.warning("node heartbeat not stored", reason=error.message)
