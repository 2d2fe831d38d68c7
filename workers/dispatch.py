"""From rows to messages: sends the ids of queued trials after they were committed, and again when the
broker lost them.

What is queued in SQL decides. A message that arrives twice does no harm, one that never arrives is sent
again, so Redis may be killed, emptied or away; then trials wait, and nothing else does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import Any, Protocol

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from backprop_evo.errors import Unavailable
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store
from workers.app import QUEUE

log = structlog.get_logger(__name__)

ONE_TRY = {"max_retries": 1, "interval_start": 0.0, "interval_step": 0.0, "interval_max": 0.0}
"""The controller has its own patience; kombu's would hold it up for seconds while Redis is away."""

MAX_LOOKED_AT = 2000
"""Messages that are looked for, the oldest first."""

LEAST_WAITING, WAITING_A_SLOT = 16, 4
"""Messages on their way; more trials wait in SQL, where they cannot be lost, and where their turn is seen."""


class Broker(Protocol):
    """What carries trial ids to workers."""

    def send(self, trial_ids: Sequence[str]) -> None:
        """Raises ``Unavailable``; then any number of them may have been sent."""

    def waiting(self) -> int:
        """Messages that no worker has taken yet. Raises ``Unavailable``."""


@dataclass(frozen=True, slots=True)
class CeleryBroker:
    """The broker behind a Celery app. Every call has a fresh connection, which declares the queue again."""

    app: Celery

    def send(self, trial_ids: Sequence[str]) -> None:
        """All on one connection. Raises ``Unavailable``; the trials stay queued in SQL."""
        with self._connection() as connection, self.app.amqp.Producer(connection) as producer:
            for trial_id in trial_ids:
                self.app.send_task("train", args=(trial_id,), producer=producer, retry=False)

    def waiting(self) -> int:
        """By declaring the queue, whose answer has its length. Raises ``Unavailable``."""
        with self._connection() as connection:
            # Not passive: that asks for EXISTS, which kombu sends without the key prefix.
            return int(connection.default_channel.queue_declare(QUEUE).message_count)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        with self.app.connection_for_write() as connection:
            connection.transport_options = {**connection.transport_options, **ONE_TRY}
            try:
                yield connection
            except (OperationalError, OSError, *connection.connection_errors) as error:
                raise Unavailable(
                    f"Redis cannot be reached: {error}", hint="check that Redis runs"
                ) from error


def _most_waiting(nodes: Sequence[NodeRecord], least: int = LEAST_WAITING) -> int:
    """Messages are taken in the order in which they were sent: few of them, or a search that comes later
    waits behind all that were sent before."""
    return max(least, WAITING_A_SLOT * sum(each.slots for each in nodes))


def _carrying(nodes: Sequence[NodeRecord], labels: Collection[str]) -> list[NodeRecord]:
    """Of what only they may take no more is sent than for them: slots of others would hand it round."""
    return [each for each in nodes if set(labels) <= set(each.labels)]


@dataclass(slots=True)
class Dispatcher:
    """Decides which ids to send now. ``sent`` are the ids known to be queued and sent by us."""

    store: Store
    broker: Broker
    options: Settings
    sent: frozenset[str] = frozenset()
    next_reconciliation: datetime | None = field(default=None)

    def send_new(self, *, now: datetime) -> int:
        """Send queued trials that were not sent yet, as many as the slots need, in turn by the searches'
        priorities; their number. After a restart none counts as sent.

        Raises ``Unavailable``; the trials are tried again at the next call.
        """
        # A trial that was taken and given back has to be sent again.
        waiting = self.store.queue.still_waiting(self.sent)
        self.sent = frozenset(waiting)
        alive = self.store.nodes.alive(seen_after=now - timedelta(seconds=self.options.lease_s))
        room = _most_waiting(alive) - len(waiting)
        new = self._next_in_turn(waiting, room, now, alive) if room > 0 else []
        if new:
            self._send(new, now)
            self.sent |= frozenset(new)
        return len(new)

    def _next_in_turn(
        self, waiting: Mapping[str, str], room: int, now: datetime, alive: Sequence[NodeRecord]
    ) -> list[str]:
        """Up to ``room`` trials, always of the search that has least for its priority: of the slots, and of
        what is sent. Where that is equal the oldest comes first."""
        sent = Counter(waiting.values())
        turns = [
            ((share.training + sent[share.search_id]) / share.priority, place, share)
            for place, share in enumerate(self.store.queue.shares())
        ]
        heapify(turns)
        unsent: dict[str, Iterator[str]] = {}
        chosen: list[str] = []
        while turns and len(chosen) < room:
            load, place, share = turns[0]
            if share.labels and sent[share.search_id] >= _most_waiting(_carrying(alive, share.labels), 1):
                heappop(turns)
                continue
            if share.search_id not in unsent:
                found = self.store.queue.unsent(
                    queued_before=now, search_id=share.search_id, limit=room + sent[share.search_id]
                )
                unsent[share.search_id] = (each for each in found if each not in waiting)
            trial_id = next(unsent[share.search_id], None)
            if trial_id is None:
                heappop(turns)
                continue
            chosen.append(trial_id)
            sent[share.search_id] += 1
            heapreplace(turns, (load + 1 / share.priority, place, share))
        return chosen

    def reconcile(self, *, now: datetime) -> int:
        """Now and then: expire leases, and send again what waits in SQL for long but no longer in the broker.

        Returns the number of messages sent again. Raises ``Unavailable``.
        """
        if self.next_reconciliation is not None and now < self.next_reconciliation:
            return 0
        # Three times within ``resend_s``, so that a lost message waits at most a third longer.
        self.next_reconciliation = now + timedelta(seconds=self.options.resend_s / 3)
        requeued = self.store.trials.expire(now=now, policy=self.options.retry_policy)
        if requeued:
            log.warning("leases expired", trials=list(requeued))
            self.sent = self.sent.difference(requeued)
        return self._send_lost(now)

    def _send_lost(self, now: datetime) -> int:
        waited = timedelta(seconds=self.options.resend_s)
        overdue = self.store.queue.unsent(queued_before=now - waited, was_sent=True, limit=MAX_LOOKED_AT)
        # As many messages as overdue trials: they only wait for a free slot, and sending again would double
        # them.
        if not overdue or self.broker.waiting() >= len(overdue):
            return 0
        log.warning("messages lost: sending again", trials=len(overdue))
        self._send(overdue, now)
        return len(overdue)

    def _send(self, trial_ids: Sequence[str], now: datetime) -> None:
        # Sent, then marked: a crash between the two sends twice, which a claim makes harmless; the other
        # order would lose.
        self.broker.send(trial_ids)
        self.store.queue.mark_sent(trial_ids, now=now)
