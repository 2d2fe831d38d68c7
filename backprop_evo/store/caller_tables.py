"""The tables of whoever asks over HTTP, and of whom we tell: keys, requests, the audit trail, webhooks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backprop_evo.store.columns import LongId, partial_index
from backprop_evo.store.table_base import Base, table_of

WAITING = "delivered_at IS NULL AND given_up_at IS NULL"


class KeyRow(Base):
    """One API key, without its secret."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(200))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RequestRow(Base):
    """One request that came with an idempotency key, and the answer it got; no ``status`` before that."""

    __tablename__ = "requests"
    __table_args__ = (Index("ix_requests_created_at", "created_at"),)

    caller: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    status: Mapped[int | None]
    headers: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str | None] = mapped_column(Text)


class ActRow(Base):
    """One thing that a key did or was refused; append only. ``caller`` is empty where no key was demanded."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_at", "at"),
        Index("ix_audit_caller_id", "caller", "id"),
        Index("ix_audit_target_id", "target", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(LongId, primary_key=True)
    at: Mapped[datetime]
    caller: Mapped[str] = mapped_column(String(32))
    label: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    verb: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(200))
    outcome: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Text)


class WebhookRow(Base):
    """One address to be told when searches and evaluations end: all of them, or one. The secret signs what is
    sent, so that it has to be kept as it is."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(64))
    search_id: Mapped[str | None] = mapped_column(String(64))
    owner: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]


class DeliveryRow(Base):
    """One message to one webhook, stored by the transaction that ended the search."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_webhook_id_id", "webhook_id", "id"),
        partial_index("ix_deliveries_due_at", "due_at", where=WAITING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(LongId, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    search_id: Mapped[str] = mapped_column(String(64))
    event: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    status: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)


API_KEYS = table_of(KeyRow)
REQUESTS = table_of(RequestRow)
AUDIT = table_of(ActRow)
WEBHOOKS = table_of(WebhookRow)
DELIVERIES = table_of(DeliveryRow)
