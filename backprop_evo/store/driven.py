"""What controllers drive, searches and evaluations: rows of one table, moved between states, claimed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, insert, or_, select, tuple_, update
from typing_extensions import override

from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import Changes
from backprop_evo.records.stored import EvaluationRecord, Page, SearchRecord
from backprop_evo.search.lifecycle import DRIVEN, Verb
from backprop_evo.store.acting import current_owner, tell_made
from backprop_evo.store.codec import encode
from backprop_evo.store.columns import Kind
from backprop_evo.store.cursors import decode_cursor, decode_time, encode_cursor, page_size
from backprop_evo.store.driven_base import Driven
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_event
from backprop_evo.store.marking import listed, mark, remove
from backprop_evo.store.moving import change, check_legal, get_at, get_row, go_on, keep_paused, move
from backprop_evo.store.tables import SEARCHES

R = TypeVar("R", SearchRecord, EvaluationRecord)


@dataclass(frozen=True, slots=True)
class SqlDriven(Driven[R]):
    """What controllers drive, of one kind. Its row is locked before any of its trials', so that no two
    transactions wait for each other."""

    database: Database
    kind: Kind
    record: Callable[[Row[Any]], R]

    def store_new(self, spec: SearchSpec | EvaluationSpec, now: datetime, **belonging: str | None) -> R:
        """As QUEUED."""
        with self.database.write() as connection:
            return self.insert_new(connection, spec, now, secrets.token_hex(6), **belonging)

    def insert_new(
        self,
        connection: Connection,
        spec: SearchSpec | EvaluationSpec,
        now: datetime,
        new_id: str,
        **belonging: str | None,
    ) -> R:
        """``belonging``: the search of an evaluation, and its role. The present caller owns it, or the owner
        named there: that of the search which orders it."""
        tell_made("searches" if self.kind is Kind.SEARCH else "evaluations", new_id)
        connection.execute(
            insert(SEARCHES).values(
                id=new_id,
                kind=self.kind,
                name=spec.name,
                spec=encode(spec),
                state=SearchState.QUEUED,
                version=1,
                created_at=now,
                trials_done=0,
                trials_total=spec.trials,
                priority=spec.priority,
                labels=json.dumps(spec.labels),
                datasets=json.dumps(spec.datasets),
                finishes=0,
                **{"owner": current_owner(), **belonging},
            )
        )
        add_event(connection, new_id, f"{self.kind}.queued", now, {"name": spec.name})
        return self._read(connection, new_id)

    @override
    def get(self, search_id: str, *, expected_version: int | None = None) -> R:
        with self.database.read() as connection:
            return self.record(self._row(connection, search_id, expected_version))

    def _row(
        self, connection: Connection, search_id: str, expected: int | None = None, *, lock: bool = False
    ) -> Row[Any]:
        return get_at(connection, search_id, self.kind, expected, lock=lock)

    def _read(self, connection: Connection, search_id: str) -> R:
        return self.record(self._row(connection, search_id))

    @override
    def page(
        self,
        *,
        state: SearchState | None = None,
        archived: bool = False,
        tag: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[R]:
        query = (
            select(SEARCHES)
            .where(SEARCHES.c.kind == self.kind, *listed(archived=archived, tag=tag))
            .order_by(SEARCHES.c.created_at.desc(), SEARCHES.c.id.desc())
            .limit(page_size(limit) + 1)
        )
        if state is not None:
            query = query.where(SEARCHES.c.state == state)
        if cursor is not None:
            query = _below(query, cursor)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        items = tuple(self.record(row) for row in rows[:limit])
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
        stranded: str | None = None,
    ) -> R:
        with self.database.write() as connection:
            row = self._row(connection, search_id, expected_version, lock=True)
            # A repeated request, or a controller that was killed between acting and hearing of it.
            if row.state == to:
                return self.record(row)
            move(connection, row, to, now, reason, stranded)
            return self._read(connection, search_id)

    @override
    def stranded(self) -> Sequence[R]:
        query = select(SEARCHES).where(
            SEARCHES.c.kind == self.kind,
            SEARCHES.c.state == SearchState.PAUSED,
            SEARCHES.c.stranded.is_not(None),
        )
        with self.database.read() as connection:
            found = connection.execute(query.order_by(SEARCHES.c.created_at, SEARCHES.c.id)).all()
            return [self.record(row) for row in found]

    @override
    def apply_verb(
        self, verb: Verb, search_id: str, *, now: datetime, expected_version: int | None = None
    ) -> R:
        assert verb.to is not None, "this verb is more than a transition"
        with self.database.write() as connection:
            row = self._row(connection, search_id, expected_version, lock=True)
            if row.state in verb.done_in:
                if verb.to is SearchState.PAUSED:
                    keep_paused(connection, row, now)
                return self._read(connection, search_id)
            check_legal(row, verb)
            move(connection, row, verb.to, now)
            return self._read(connection, search_id)

    @override
    def mark(
        self, search_id: str, changes: Changes, *, now: datetime, expected_version: int | None = None
    ) -> R:
        with self.database.write() as connection:
            row = self._row(connection, search_id, expected_version, lock=True)
            record = self.record(row)
            keeps_time = isinstance(record, SearchRecord) and record.keeps_time
            mark(connection, row, changes, now, keeps_time=keeps_time)
            return self._read(connection, search_id)

    @override
    def delete(self, search_id: str, *, now: datetime, expected_version: int | None = None) -> None:
        of_it = select(SEARCHES).where(SEARCHES.c.search_id == search_id).order_by(SEARCHES.c.id)
        with self.database.write() as connection:
            row = self._row(connection, search_id, expected_version, lock=True)
            remove(connection, row, connection.execute(of_it.with_for_update()).all(), now)

    def raise_total(
        self,
        search_id: str,
        verb: Verb,
        more: Callable[[R], int],
        *,
        now: datetime,
        expected_version: int | None = None,
    ) -> R:
        """Add the trials that ``more`` finds in the record."""
        with self.database.write() as connection:
            row = self._row(connection, search_id, expected_version, lock=True)
            check_legal(row, verb)
            total = row.trials_total + more(self.record(row))
            # The one way back from an end.
            if SearchState(row.state).is_terminal:
                go_on(connection, row, now)
                row = get_row(connection, search_id)
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == search_id)
                .values(trials_total=total, extensions=row.extensions + 1, version=row.version + 1)
            )
            add_event(connection, search_id, f"{self.kind}.extended", now, {"trials_total": total})
            return self._read(connection, search_id)

    @override
    def claim(self, controller: str, *, lease_s: float, now: datetime) -> R | None:
        free = or_(SEARCHES.c.claimed_by.is_(None), SEARCHES.c.claim_expires_at <= now)
        query = (
            select(SEARCHES)
            .where(SEARCHES.c.kind == self.kind, SEARCHES.c.state.in_(DRIVEN), free)
            .order_by(SEARCHES.c.created_at, SEARCHES.c.id)
            .limit(1)
            # Controllers that ask at once get different rows instead of waiting for each other.
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
                change(connection, row, SearchState.RUNNING, now, None)
                add_event(connection, row.id, f"{self.kind}.running", now, {"from": row.state})
            return self._read(connection, row.id)

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
    def marks(self, search_ids: Collection[str]) -> Mapping[str, tuple[int, int]]:
        asked = sorted(search_ids)
        found: dict[str, tuple[int, int]] = {}
        if not asked:
            return found
        columns = select(SEARCHES.c.id, SEARCHES.c.version, SEARCHES.c.finishes)
        with self.database.read() as connection:
            # SQLite takes a limited number of values in one statement.
            for start in range(0, len(asked), 500):
                wanted = SEARCHES.c.id.in_(asked[start : start + 500])
                rows = connection.execute(columns.where(SEARCHES.c.kind == self.kind, wanted))
                found |= {row.id: (row.version, row.finishes) for row in rows}
        return found

    @override
    def release_claim(self, search_id: str, controller: str) -> None:
        with self.database.write() as connection:
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == search_id, SEARCHES.c.claimed_by == controller)
                .values(claimed_by=None, claim_expires_at=None)
            )


def _below(query: Select[Any], cursor: str) -> Select[Any]:
    """What comes after the cursor. Raises ``InvalidInput``."""
    at, search_id = decode_cursor("searches", cursor, (str, str))
    return query.where(tuple_(SEARCHES.c.created_at, SEARCHES.c.id) < (decode_time(at), search_id))
