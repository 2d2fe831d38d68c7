"""The audit trail: what keys did and were refused, read by administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select
from typing_extensions import override

from backprop_evo.records.callers import ActOutcome, ActRecord, AuditFilter
from backprop_evo.records.stored import Page
from backprop_evo.store.acting import Act, insert_act
from backprop_evo.store.base import Audit
from backprop_evo.store.caller_tables import AUDIT
from backprop_evo.store.cursors import decode_cursor, encode_cursor, page_size
from backprop_evo.store.engine import Database


@dataclass(frozen=True, slots=True)
class SqlAudit(Audit):
    """What was done is written by the transactions that did it; here only what was refused."""

    database: Database

    @override
    def page(self, wanted: AuditFilter, *, cursor: str | None = None, limit: int = 50) -> Page[ActRecord]:
        query = _filtered(wanted).order_by(AUDIT.c.id.desc()).limit(page_size(limit) + 1)
        if cursor is not None:
            (below,) = decode_cursor("audit", cursor, (int,))
            query = query.where(AUDIT.c.id < below)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        items = tuple(_record(row) for row in rows[:limit])
        return Page(items, encode_cursor("audit", items[-1].id) if len(rows) > limit else None)

    @override
    def note_refusal(self, act: Act) -> None:
        with self.database.write() as connection:
            insert_act(connection, act, ActOutcome.REFUSED)


def _filtered(wanted: AuditFilter) -> Select[Any]:
    query = select(AUDIT)
    for name in ("caller", "label", "verb", "target", "outcome"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(AUDIT.c[name] == value)
    if wanted.since is not None:
        query = query.where(AUDIT.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AUDIT.c.at < wanted.until)
    return query


def _record(row: Row[Any]) -> ActRecord:
    values = {**row._mapping, "outcome": ActOutcome(row.outcome)}
    return ActRecord(**values)
