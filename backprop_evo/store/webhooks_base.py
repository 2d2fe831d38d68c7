"""What the store promises of webhooks; ``base`` names it among the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backprop_evo.records.callers import DeliveryRecord, DueDelivery, WebhookRecord
from backprop_evo.records.stored import Page


class Webhooks(Protocol):
    """Addresses that are told when searches and evaluations end. What they are told is stored by the
    transaction that ends one (``telling.py``)."""

    def add(
        self, url: str, *, search_id: str | None, owner: str | None, now: datetime
    ) -> tuple[WebhookRecord, str]:
        """A new webhook and its secret, which nobody can read again. Raises ``NotFound`` for a search that
        does not exist, ``Conflict`` where there are ``MAX_WEBHOOKS``."""

    def all(self) -> Sequence[WebhookRecord]:
        """Oldest first."""

    def remove(self, webhook_id: str) -> WebhookRecord:
        """It is told nothing from now on; its deliveries go with it. Raises ``NotFound``."""

    def deliveries(
        self, webhook_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[DeliveryRecord]:
        """Newest first. Raises ``NotFound``."""

    def take_due(self, *, now: datetime, hold_s: float, limit: int) -> Sequence[DueDelivery]:
        """Deliveries that are due, the oldest first. Nobody else is given them for ``hold_s`` seconds:
        whoever takes them and dies loses none."""

    def note_delivery(
        self,
        delivery_id: int,
        *,
        status: int | None,
        reason: str | None,
        again_at: datetime | None,
        now: datetime,
    ) -> None:
        """What came of a try: without a ``reason`` it is delivered; with one it is tried again at
        ``again_at``, or given up where that is None."""
