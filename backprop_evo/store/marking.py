"""What may be changed of a search or an evaluation at any time, and how one goes for good: parts of
somebody's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from backprop_evo.errors import Conflict
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import Changes
from backprop_evo.search.lifecycle import EXTEND
from backprop_evo.store.codec import encode
from backprop_evo.store.columns import Kind
from backprop_evo.store.events import add_event
from backprop_evo.store.moving import check_legal
from backprop_evo.store.tables import (
    ATTEMPTS,
    EVENTS,
    INDIVIDUALS,
    INJECTIONS,
    INTERMEDIATE_VALUES,
    LEADERBOARD,
    RETRIES,
    SEARCHES,
    TRIALS,
)


def mark(connection: Connection, row: Row[Any], changes: Changes, now: datetime, *, keeps_time: bool) -> None:
    """Change what ``changes`` names. Raises ``Conflict``, ``IllegalTransition``."""
    values: dict[str, Any] = {}
    if changes.priority is not None:
        values["priority"] = changes.priority
    if changes.note is not None:
        values["note"] = changes.note
    if changes.tags is not None:
        values["tags"] = encode(list(changes.tags))
    if changes.archived is not None:
        values["archived_at"] = _archived_at(row, archived=changes.archived, now=now)
    if changes.trials is not None:
        _check_budget(row, keeps_time=keeps_time)
        values["trials_total"] = changes.trials
    connection.execute(
        update(SEARCHES).where(SEARCHES.c.id == row.id).values(**values, version=row.version + 1)
    )
    add_event(connection, row.id, f"{row.kind}.changed", now, {"changed": sorted(values)})


def _archived_at(row: Row[Any], *, archived: bool, now: datetime) -> datetime | None:
    if not archived:
        return None
    _refuse_open(row, "archived")
    since: datetime = row.archived_at or now
    return since


def _refuse_open(row: Row[Any], what: str) -> None:
    if not SearchState(row.state).is_terminal:
        raise Conflict(
            f"{row.kind} {row.id!r} is {row.state}: only what has ended is {what}",
            hint="stop or cancel it first",
        )


def _check_budget(row: Row[Any], *, keeps_time: bool) -> None:
    if SearchState(row.state).is_terminal:
        raise Conflict(
            f"{row.kind} {row.id!r} is {row.state}: its budget is spent",
            hint="extend it, which lets it run again",
        )
    check_legal(row, EXTEND)
    if keeps_time:
        raise Conflict(
            f"{row.kind} {row.id!r} has a budget of time, which decides how many trials it has",
            hint="stop it to end it sooner, or extend it by trials",
        )


def remove(connection: Connection, row: Row[Any], belonging: Sequence[Row[Any]], now: datetime) -> None:
    """Delete it with all that was stored for it, and what belongs to it; what names it, forgets it. Raises
    ``Conflict`` where any of them has not ended, or it is a stage of a search that is there."""
    if row.kind == Kind.EVALUATION and row.role is not None and row.id == f"{row.search_id}-{row.role}":
        raise Conflict(
            f"evaluation {row.id!r} is a stage of search {row.search_id!r}", hint="delete that search"
        )
    for each in (row, *belonging):
        _refuse_open(each, "deleted")
    ids = [each.id for each in (*belonging, row)]
    for search_id in ids:
        _delete_rows_of(connection, search_id)
    connection.execute(
        update(SEARCHES)
        .where(SEARCHES.c.counterpart.in_(ids))
        .values(counterpart=None, version=SEARCHES.c.version + 1)
    )
    connection.execute(delete(SEARCHES).where(SEARCHES.c.id.in_(ids)))
    add_event(connection, None, f"{row.kind}.deleted", now, {"id": row.id, "name": row.name})


def _delete_rows_of(connection: Connection, search_id: str) -> None:
    """Trials before individuals: the other way around each individual would look for its trials, which no
    index gives."""
    trials = select(TRIALS.c.id).where(TRIALS.c.search_id == search_id)
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.trial_id.in_(trials)))
    for table in (INTERMEDIATE_VALUES, RETRIES, TRIALS, INJECTIONS, INDIVIDUALS, LEADERBOARD, EVENTS):
        connection.execute(delete(table).where(table.c.search_id == search_id))


def listed(*, archived: bool, tag: str | None) -> list[ColumnElement[bool]]:
    """Which rows a list shows."""
    conditions: list[ColumnElement[bool]] = []
    if not archived:
        conditions.append(SEARCHES.c.archived_at.is_(None))
    if tag is not None:
        conditions.append(SEARCHES.c.tags.contains(f'"{tag.lower()}"', autoescape=True))
    return conditions
