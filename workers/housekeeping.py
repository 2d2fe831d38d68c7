"""What a controller does beside driving, now and then: old events go, and it tells that it lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from backprop_evo.settings import Settings
from backprop_evo.store.base import Store

log = structlog.get_logger(__name__)

EVENTS_AT_ONCE, TIDIED_EVERY = 2000, timedelta(hours=1)
"""A transaction that drops events takes milliseconds, however many are old."""


@dataclass(slots=True)
class Housekeeping:
    """Of the controller called ``name``."""

    store: Store
    options: Settings
    name: str
    next_sign: datetime | None = None
    next_tidying: datetime | None = None

    def after_step(self, step_s: float, *, now: datetime) -> None:
        """Whatever is due after a step that took so long."""
        self._forget_events(now)
        self._tell_of_step(step_s, now)

    def _forget_events(self, now: datetime) -> None:
        """Old events of what has ended, a few thousand at a time. Results stay."""
        if not self.options.event_days or (self.next_tidying is not None and now < self.next_tidying):
            return
        before = now - timedelta(days=self.options.event_days)
        dropped = self.store.events.forget(before=before, limit=EVENTS_AT_ONCE)
        self.next_tidying = now + (timedelta() if dropped == EVENTS_AT_ONCE else TIDIED_EVERY)
        if dropped:
            log.info("old events dropped", events=dropped, before=before.isoformat())

    def _tell_of_step(self, step_s: float, now: datetime) -> None:
        """A write at each step would be most of what an idle controller does."""
        if self.next_sign is None or now >= self.next_sign:
            self.next_sign = now + timedelta(seconds=self.options.heartbeat_s)
            self.store.monitoring.record_step(self.name, step_s=step_s, now=now)
