"""The event log: what happened, in the order in which it was committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, tuple_
from typing_extensions import override

from backprop_evo.records.stored import EventRecord
from backprop_evo.store.base import Events
from backprop_evo.store.codec import encode_payload
from backprop_evo.store.cursors import page_size
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import event_record
from backprop_evo.store.tables import EVENTS, SEARCHES

COMMIT_ORDER_LOCK = 0x6270_6576  # any number that nothing else in the database locks
LOCK = select(func.pg_advisory_xact_lock(COMMIT_ORDER_LOCK)).cte("lock")
WRITTEN = [EVENTS.c.search_id, EVENTS.c.kind, EVENTS.c.at, EVENTS.c.payload]
VALUES = select(*(bindparam(each.name, type_=each.type) for each in WRITTEN))

APPEND = insert(EVENTS)
APPEND_LOCKED = insert(EVENTS).from_select(WRITTEN, VALUES.select_from(LOCK))
"""The id is drawn for what the lock lets through."""


def add_event(
    connection: Connection, search_id: str | None, kind: str, now: datetime, payload: Mapping[str, object]
) -> None:
    """Append one event; the last statement of a transaction.

    PostgreSQL gives out ids when a row is inserted, not when it is committed, so that a reader that resumes
    after id 7 would never see a 6 that commits later. A lock held until the commit makes both orders one.
    """
    add_events(connection, search_id, now, [(kind, payload)])


def add_events(
    connection: Connection,
    search_id: str | None,
    now: datetime,
    events: Sequence[tuple[str, Mapping[str, object]]],
) -> None:
    """Append several events at once."""
    if not events:
        return
    connection.execute(
        APPEND_LOCKED if connection.dialect.name == "postgresql" else APPEND,
        [
            {"search_id": search_id, "kind": kind, "at": now, "payload": encode_payload(payload)}
            for kind, payload in events
        ],
    )


@dataclass(frozen=True, slots=True)
class SqlEvents(Events):
    """Appended by the transactions of which they tell."""

    database: Database

    @override
    def after(
        self, event_id: int = 0, *, search_id: str | None = None, limit: int = 500
    ) -> Sequence[EventRecord]:
        if search_id is None:
            query = select(EVENTS).where(EVENTS.c.id > event_id).order_by(EVENTS.c.id)
        else:
            # By both columns of the index, as trials are: for those sorted by their id PostgreSQL would look
            # through the events of all searches.
            key, mine = tuple_(EVENTS.c.search_id, EVENTS.c.id), EVENTS.c.search_id
            query = select(EVENTS).where(key > (search_id, event_id), mine <= search_id)
            query = query.order_by(mine, EVENTS.c.id)
        query = query.limit(page_size(limit))
        with self.database.read() as connection:
            return [event_record(row) for row in connection.execute(query)]

    @override
    def forget(self, *, before: datetime, limit: int) -> int:
        ended = select(SEARCHES.c.id).where(SEARCHES.c.ended_at.is_not(None), SEARCHES.c.ended_at < before)
        of_ended = or_(EVENTS.c.search_id.is_(None), EVENTS.c.search_id.in_(ended))
        oldest = select(EVENTS.c.id).where(EVENTS.c.at < before, of_ended).order_by(EVENTS.c.id).limit(limit)
        with self.database.write() as connection:
            return connection.execute(delete(EVENTS).where(EVENTS.c.id.in_(oldest))).rowcount

    @override
    def last(self) -> int:
        with self.database.read() as connection:
            return connection.execute(select(func.max(EVENTS.c.id))).scalar_one() or 0
