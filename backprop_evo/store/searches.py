"""Searches: storing, listing, moving between states, and the claim by which one controller drives one
search."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, or_, select, tuple_, update
from typing_extensions import override

from backprop_evo.errors import (
    Conflict,
    IllegalTransition,
    InvalidInput,
    InvalidSettings,
    NotFound,
    PreconditionFailed,
)
from backprop_evo.records.searching import (
    SearchSpec,
)
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Page, SearchRecord
from backprop_evo.search.lifecycle import DRIVEN, EXTEND, MAX_TRIALS, TRANSITIONS, Verb, legal_verbs
from backprop_evo.store.base import Searches
from backprop_evo.store.codec import encode
from backprop_evo.store.cursors import decode_cursor, encode_cursor, page_size
from backprop_evo.store.endings import cancel_open_trials
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_event
from backprop_evo.store.rows import search_record
from backprop_evo.store.tables import SEARCHES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlSearches(Searches):
    """A search's row is locked before any of its trials', so that no two transactions wait for each other."""

    database: Database

    @override
    def add(self, spec: SearchSpec, *, now: datetime) -> SearchRecord:
        # Random: many processes give ids at once.
        search_id = secrets.token_hex(6)
        with self.database.write() as connection:
            connection.execute(
                insert(SEARCHES).values(
                    id=search_id,
                    name=spec.name,
                    spec=encode(spec),
                    state=SearchState.QUEUED,
                    version=1,
                    created_at=now,
                    trials_done=0,
                    trials_total=spec.trials,
                    finishes=0,
                )
            )
            add_event(connection, search_id, "search.queued", now, {"name": spec.name})
            return _read(connection, search_id)

    @override
    def get(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        with self.database.read() as connection:
            return search_record(_get_at(connection, search_id, expected_version))

    @override
    def page(
        self, *, state: SearchState | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[SearchRecord]:
        query = (
            select(SEARCHES)
            .order_by(SEARCHES.c.created_at.desc(), SEARCHES.c.id.desc())
            .limit(page_size(limit) + 1)
        )
        if state is not None:
            query = query.where(SEARCHES.c.state == state)
        if cursor is not None:
            query = _below(query, cursor)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        items = tuple(search_record(row) for row in rows[:limit])
        last = items[-1] if len(rows) > limit else None
        return Page(items, encode_cursor("searches", last.created_at.isoformat(), last.id) if last else None)

    @override
    def move(
        self,
        search_id: str,
        to: SearchState,
        *,
        now: datetime,
        expected_version: int | None = None,
        reason: str | None = None,
    ) -> SearchRecord:
        with self.database.write() as connection:
            row = _get_at(connection, search_id, expected_version, lock=True)
            # A repeated request, or a controller that was killed between acting and hearing of it.
            if row.state == to:
                return search_record(row)
            return _move(connection, row, to, now, reason)

    @override
    def apply_verb(
        self, verb: Verb, search_id: str, *, now: datetime, expected_version: int | None = None
    ) -> SearchRecord:
        assert verb.to is not None, "this verb is more than a transition"
        with self.database.write() as connection:
            row = _get_at(connection, search_id, expected_version, lock=True)
            if row.state in verb.done_in:
                return search_record(row)
            _check_legal(row, verb)
            return _move(connection, row, verb.to, now)

    @override
    def extend(
        self, search_id: str, *, trials: int, now: datetime, expected_version: int | None = None
    ) -> SearchRecord:
        if trials < 1:
            raise InvalidSettings("trials to add must be at least 1", field="trials")
        with self.database.write() as connection:
            row = _get_at(connection, search_id, expected_version, lock=True)
            _check_legal(row, EXTEND)
            total = row.trials_total + trials
            if total > MAX_TRIALS:
                raise InvalidSettings(f"a search has at most {MAX_TRIALS} trials", field="trials")
            # The one way back from an end.
            if SearchState(row.state).is_terminal:
                _change(connection, row, SearchState.RUNNING, now, None)
                row = get_row(connection, search_id)
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == search_id)
                .values(trials_total=total, version=row.version + 1)
            )
            add_event(connection, search_id, "search.extended", now, {"trials_total": total})
            return _read(connection, search_id)

    @override
    def claim(self, controller: str, *, lease_s: float, now: datetime) -> SearchRecord | None:
        free = or_(SEARCHES.c.claimed_by.is_(None), SEARCHES.c.claim_expires_at <= now)
        query = (
            select(SEARCHES)
            .where(SEARCHES.c.state.in_(DRIVEN), free)
            .order_by(SEARCHES.c.created_at, SEARCHES.c.id)
            .limit(1)
            # Controllers that ask at once get different searches instead of waiting for each other.
            .with_for_update(skip_locked=True)
        )
        with self.database.write() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == row.id)
                .values(claimed_by=controller, claim_expires_at=now + timedelta(seconds=lease_s))
            )
            if row.state == SearchState.QUEUED:
                _change(connection, row, SearchState.RUNNING, now, None)
                add_event(connection, row.id, "search.running", now, {"from": row.state})
            return _read(connection, row.id)

    @override
    def renew_claim(self, search_id: str, controller: str, *, lease_s: float, now: datetime) -> bool:
        renewal = (
            update(SEARCHES)
            .where(SEARCHES.c.id == search_id, SEARCHES.c.claimed_by == controller)
            .values(claim_expires_at=now + timedelta(seconds=lease_s))
        )
        with self.database.write() as connection:
            return connection.execute(renewal).rowcount == 1

    @override
    def release_claim(self, search_id: str, controller: str) -> None:
        with self.database.write() as connection:
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == search_id, SEARCHES.c.claimed_by == controller)
                .values(claimed_by=None, claim_expires_at=None)
            )


def get_row(connection: Connection, search_id: str, *, lock: bool = False) -> Row[Any]:
    """One row; ``lock`` holds it until the end of the transaction. Raises ``NotFound``."""
    query = select(SEARCHES).where(SEARCHES.c.id == search_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"no search {search_id!r}", hint="list searches to see their ids")
    return row


def _read(connection: Connection, search_id: str) -> SearchRecord:
    return search_record(get_row(connection, search_id))


def _below(query: Select[Any], cursor: str) -> Select[Any]:
    """What comes after the cursor. Raises ``InvalidInput``."""
    at, search_id = decode_cursor("searches", cursor, (str, str))
    try:
        created_at = datetime.fromisoformat(at)
    except ValueError:
        raise InvalidInput("the cursor names no time", hint="pass next_cursor unchanged") from None
    return query.where(tuple_(SEARCHES.c.created_at, SEARCHES.c.id) < (created_at, search_id))


def _get_at(connection: Connection, search_id: str, expected: int | None, *, lock: bool = False) -> Row[Any]:
    """``get_row`` at the version that somebody saw. Raises ``NotFound``, ``PreconditionFailed``."""
    row = get_row(connection, search_id, lock=lock)
    if expected is not None and row.version != expected:
        raise PreconditionFailed(
            f"search {row.id!r} is at version {row.version}, not {expected}: it changed in between",
            hint="read it again and decide anew",
        )
    return row


def _check_legal(row: Row[Any], verb: Verb) -> None:
    if row.state not in verb.legal_in:
        raise _illegal(row, f"does not take the verb {verb.name!r}")


def _move(
    connection: Connection, row: Row[Any], to: SearchState, now: datetime, reason: str | None = None
) -> SearchRecord:
    """One transition with all that goes with it. Raises ``IllegalTransition``."""
    if to not in TRANSITIONS[SearchState(row.state)]:
        raise _illegal(row, f"cannot become {to}")
    _change(connection, row, to, now, reason)
    payload = {"from": row.state, **({"reason": reason} if reason else {})}
    if to in (SearchState.CANCELLED, SearchState.FAILED):
        # In the same transaction: no worker can begin a trial of a search that has ended.
        payload["cancelled_trials"] = cancel_open_trials(connection, row.id, now)
    elif row.state == SearchState.PAUSED:
        _forget_sent_messages(connection, row.id)
    add_event(connection, row.id, f"search.{to}", now, payload)
    return _read(connection, row.id)


def _illegal(row: Row[Any], what: str) -> IllegalTransition:
    """The error for what the present state does not allow."""
    legal = [verb.name for verb in legal_verbs(SearchState(row.state))]
    return IllegalTransition(
        f"search {row.id!r} is {row.state} and {what}", legal=legal, hint=f"possible now: {', '.join(legal)}"
    )


def _change(
    connection: Connection, row: Row[Any], to: SearchState, now: datetime, reason: str | None
) -> None:
    values: dict[str, Any] = {"state": to, "version": row.version + 1}
    if to is SearchState.RUNNING:
        # A search that runs again keeps its first start.
        values |= {"started_at": row.started_at or now, "ended_at": None, "end_reason": None}
    if to.is_terminal:
        # An ended search must not look driven, or extending it would have to wait for the lease.
        values |= {"ended_at": now, "end_reason": reason, "claimed_by": None, "claim_expires_at": None}
    changed = connection.execute(
        update(SEARCHES).where(SEARCHES.c.id == row.id, SEARCHES.c.state == row.state).values(**values)
    )
    if changed.rowcount != 1:
        raise Conflict(f"search {row.id!r} changed in between", hint="read it again and decide anew")


def _forget_sent_messages(connection: Connection, search_id: str) -> None:
    """Workers dropped the messages of trials they met while the search was paused: they have to be sent
    again."""
    connection.execute(
        update(TRIALS).where(TRIALS.c.search_id == search_id, TRIALS.c.state == "queued").values(sent_at=None)
    )
