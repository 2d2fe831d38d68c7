"""What webhooks are told: one row for each, stored by the transaction that ends a search or an evaluation, so
that no end goes untold and none is told that did not happen."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select

from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role, stage_id
from backprop_evo.store.caller_tables import DELIVERIES, WEBHOOKS
from backprop_evo.store.columns import Kind


def order_deliveries(
    connection: Connection, row: Row[Any], to: SearchState, now: datetime, reason: str | None
) -> None:
    """``row`` is the one that ends, as it was before. The stages of a search are told of by its own end."""
    if not to.is_terminal or _is_stage(row):
        return
    wanted = or_(WEBHOOKS.c.search_id.is_(None), WEBHOOKS.c.search_id == row.id)
    told = connection.execute(select(WEBHOOKS.c.id).where(wanted)).scalars().all()
    if not told:
        return
    event = f"{row.kind}.{to}"
    body = json.dumps(_body(row, to, event, now, reason), sort_keys=True)
    same = {
        "search_id": row.id,
        "event": event,
        "body": body,
        "created_at": now,
        "due_at": now,
        "attempts": 0,
    }
    connection.execute(insert(DELIVERIES), [{"webhook_id": each, **same} for each in told])


def _is_stage(row: Row[Any]) -> bool:
    return bool(row.search_id and row.role) and row.id == stage_id(row.search_id, Role(row.role))


def _body(row: Row[Any], to: SearchState, event: str, now: datetime, reason: str | None) -> dict[str, Any]:
    plural = "searches" if row.kind == Kind.SEARCH else "evaluations"
    return {
        "event": event,
        "at": now.isoformat(),
        "kind": row.kind,
        "id": row.id,
        "name": row.name,
        "owner": row.owner,
        "state": to,
        "reason": reason,
        "trials_done": row.trials_done,
        "trials_total": row.trials_total,
        "best_fitness": row.best_fitness,
        "path": f"/api/v1/{plural}/{row.id}",
    }
