"""Webhooks, and what they are told: taken by one sender at a time, noted with every try."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update
from typing_extensions import override

from backprop_evo.errors import Conflict, NotFound
from backprop_evo.records.callers import DeliveryRecord, DueDelivery, WebhookRecord
from backprop_evo.records.stored import Page
from backprop_evo.store.acting import tell_made
from backprop_evo.store.caller_tables import DELIVERIES, WAITING, WEBHOOKS
from backprop_evo.store.cursors import decode_cursor, encode_cursor, page_size
from backprop_evo.store.engine import Database
from backprop_evo.store.tables import SEARCHES
from backprop_evo.store.webhooks_base import Webhooks

#: Every end of a search writes a row for each: more would make ends slow.
MAX_WEBHOOKS = 100

#: Of what was delivered or given up; whoever looks for longer reads the receiver's log.
KEPT_FOR = timedelta(days=30)
IS_WAITING = text(WAITING)


@dataclass(frozen=True, slots=True)
class SqlWebhooks(Webhooks):
    """A delivery is taken by moving its time: it is due again when whoever took it has not told of it."""

    database: Database

    @override
    def add(
        self, url: str, *, search_id: str | None, owner: str | None, now: datetime
    ) -> tuple[WebhookRecord, str]:
        record = WebhookRecord(
            id=secrets.token_hex(6), url=url, search_id=search_id, owner=owner, created_at=now
        )
        secret = secrets.token_hex(32)
        with self.database.write() as connection:
            if search_id is not None and _count(connection, SEARCHES, SEARCHES.c.id == search_id) == 0:
                raise NotFound(f"no search or evaluation {search_id!r}", hint="list them to see their ids")
            if _count(connection, WEBHOOKS) >= MAX_WEBHOOKS:
                raise Conflict(f"there are {MAX_WEBHOOKS} webhooks", hint="delete one that is not needed")
            tell_made("webhooks", record.id)
            connection.execute(
                insert(WEBHOOKS).values(
                    id=record.id, url=url, secret=secret, search_id=search_id, owner=owner, created_at=now
                )
            )
        return record, secret

    @override
    def all(self) -> Sequence[WebhookRecord]:
        query = select(WEBHOOKS).order_by(WEBHOOKS.c.created_at, WEBHOOKS.c.id)
        with self.database.read() as connection:
            return [_webhook(row) for row in connection.execute(query)]

    @override
    def remove(self, webhook_id: str) -> WebhookRecord:
        with self.database.write() as connection:
            record = _webhook(_row(connection, webhook_id))
            connection.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id))
        return record

    @override
    def deliveries(
        self, webhook_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[DeliveryRecord]:
        query = select(DELIVERIES).where(DELIVERIES.c.webhook_id == webhook_id)
        query = query.order_by(DELIVERIES.c.id.desc()).limit(page_size(limit) + 1)
        if cursor is not None:
            (below,) = decode_cursor("deliveries", cursor, (int,))
            query = query.where(DELIVERIES.c.id < below)
        with self.database.read() as connection:
            _row(connection, webhook_id)
            rows = connection.execute(query).all()
        items = tuple(DeliveryRecord(**row._mapping) for row in rows[:limit])
        return Page(items, encode_cursor("deliveries", items[-1].id) if len(rows) > limit else None)

    @override
    def take_due(self, *, now: datetime, hold_s: float, limit: int) -> Sequence[DueDelivery]:
        due = (IS_WAITING, DELIVERIES.c.due_at <= now)
        # Nearly always there is none, and looking needs no lock.
        with self.database.read() as connection:
            if connection.execute(select(DELIVERIES.c.id).where(*due).limit(1)).one_or_none() is None:
                return []
        columns = (DELIVERIES.c.id, DELIVERIES.c.event, DELIVERIES.c.body, DELIVERIES.c.attempts)
        query = (
            select(*columns, WEBHOOKS.c.url, WEBHOOKS.c.secret)
            .join(WEBHOOKS, WEBHOOKS.c.id == DELIVERIES.c.webhook_id)
            .where(*due)
            .order_by(DELIVERIES.c.due_at, DELIVERIES.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=DELIVERIES)
        )
        with self.database.write() as connection:
            taken = [DueDelivery(**row._mapping) for row in connection.execute(query)]
            held = update(DELIVERIES).where(DELIVERIES.c.id.in_([each.id for each in taken]))
            connection.execute(held.values(due_at=now + timedelta(seconds=hold_s)))
        return taken

    @override
    def note_delivery(
        self,
        delivery_id: int,
        *,
        status: int | None,
        reason: str | None,
        again_at: datetime | None,
        now: datetime,
    ) -> None:
        came: dict[str, Any] = {"delivered_at": now} if reason is None else {"given_up_at": now}
        if reason is not None and again_at is not None:
            came = {"due_at": again_at}
        tried = {"status": status, "reason": reason, "attempts": DELIVERIES.c.attempts + 1}
        # Told twice, when a sender was so slow that another took it too: what was delivered stays so.
        mine = update(DELIVERIES).where(DELIVERIES.c.id == delivery_id, IS_WAITING)
        with self.database.write() as connection:
            connection.execute(mine.values(**tried, **came))
            told = select(DELIVERIES.c.webhook_id).where(DELIVERIES.c.id == delivery_id).scalar_subquery()
            is_old = DELIVERIES.c.created_at < now - KEPT_FOR
            connection.execute(delete(DELIVERIES).where(DELIVERIES.c.webhook_id == told, is_old))


def _count(connection: Connection, table: Any, *where: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def _row(connection: Connection, webhook_id: str) -> Row[Any]:
    row = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id)).one_or_none()
    if row is None:
        raise NotFound(f"no webhook {webhook_id!r}", hint="list the webhooks to see their ids")
    return row


def _webhook(row: Row[Any]) -> WebhookRecord:
    return WebhookRecord(
        id=row.id, url=row.url, search_id=row.search_id, owner=row.owner, created_at=row.created_at
    )
