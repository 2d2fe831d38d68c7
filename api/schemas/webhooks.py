"""Webhooks and their deliveries."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.wire import Wire
from backprop_evo.records.callers import DeliveryRecord, WebhookRecord
from backprop_evo.service.webhook_addresses import MAX_URL, parse_webhook


class WebhookIn(BaseModel):
    """Where to tell of ends, and of which: of everything, or of one search or evaluation."""

    model_config = ConfigDict(extra="forbid")
    url: str = Field(min_length=1, max_length=MAX_URL, examples=["https://example.org/hooks/evo"])
    search_id: str | None = Field(default=None, max_length=64)


class WebhookOut(Wire):
    """A webhook without its secret; of its address only the host, because the path is often a secret too."""

    id: str
    address: str
    search_id: str | None
    owner: str | None
    created_at: datetime

    @classmethod
    def of(cls, webhook: WebhookRecord) -> WebhookOut:
        """A webhook as stored."""
        known = {name: getattr(webhook, name) for name in cls.model_fields if name != "address"}
        return cls(address=parse_webhook(webhook.url).shown, **known)


class NewWebhookOut(WebhookOut):
    """A webhook with the secret that signs what it is told, this once."""

    secret: str


class WebhooksOut(Wire):
    """All webhooks."""

    items: list[WebhookOut]


class DeliveryOut(Wire):
    """One message: ``waiting``, ``delivered`` or ``given up``. It is tried again at ``due_at``; ``status``
    and ``reason`` are of the last try, ``body`` is what was signed and sent."""

    id: int
    webhook_id: str
    search_id: str
    event: str
    state: str
    attempts: int
    status: int | None
    reason: str | None
    created_at: datetime
    due_at: datetime | None
    delivered_at: datetime | None
    given_up_at: datetime | None
    body: str

    @classmethod
    def of(cls, delivery: DeliveryRecord) -> DeliveryOut:
        """A delivery as stored."""
        made = ("state", "due_at")
        known = {name: getattr(delivery, name) for name in cls.model_fields if name not in made}
        ended = "delivered" if delivery.delivered_at else "given up" if delivery.given_up_at else None
        return cls(state=ended or "waiting", due_at=None if ended else delivery.due_at, **known)
