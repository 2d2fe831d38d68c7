"""Searches: what they have beyond everything that controllers drive, and how a counterpart is ordered."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update
from typing_extensions import override

from backprop_evo.errors import Conflict, InvalidSettings
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import MAX_TRIALS
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.lifecycle import CHALLENGE, EXTEND
from backprop_evo.store.columns import Kind
from backprop_evo.store.driven import SqlDriven
from backprop_evo.store.driven_base import Searches
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_event
from backprop_evo.store.moving import check_legal
from backprop_evo.store.rows import end_record, search_record
from backprop_evo.store.tables import SEARCHES, TRIALS


class SqlSearches(SqlDriven[SearchRecord], Searches):
    """Searches over SQL."""

    __slots__ = ()

    def __init__(self, database: Database) -> None:
        super().__init__(database, Kind.SEARCH, search_record)

    @override
    def add(self, spec: SearchSpec, *, now: datetime, counterpart: SearchSpec | None = None) -> SearchRecord:
        if counterpart is None:
            return self.store_new(spec, now)
        # In one transaction: a crash in between would leave a search whose counterpart nobody orders again.
        with self.database.write() as connection:
            search = self.insert_new(connection, spec, now, secrets.token_hex(6))
            self._link(connection, search.id, counterpart, now)
            return self._read(connection, search.id)

    @override
    def order_counterpart(
        self, search_id: str, spec: SearchSpec, *, now: datetime, expected_version: int | None = None
    ) -> SearchRecord:
        with self.database.write() as connection:
            row = self._row(connection, search_id, expected_version, lock=True)
            if row.counterpart is not None:
                return self._read(connection, row.counterpart)
            check_legal(row, CHALLENGE)
            return self._link(connection, search_id, spec, now)

    def _link(self, connection: Connection, search_id: str, spec: SearchSpec, now: datetime) -> SearchRecord:
        ordered = self.insert_new(connection, spec, now, secrets.token_hex(6), counterpart=search_id)
        connection.execute(
            update(SEARCHES)
            .where(SEARCHES.c.id == search_id)
            .values(counterpart=ordered.id, version=SEARCHES.c.version + 1)
        )
        add_event(connection, search_id, "search.challenged", now, {"counterpart": ordered.id})
        return ordered

    @override
    def ends(self, search_id: str) -> Sequence[EndRecord]:
        numbers = (TRIALS.c.validation_accuracy, TRIALS.c.wall_time_s)
        query: Select[Any] = (
            select(TRIALS.c.individual, TRIALS.c.purpose, TRIALS.c.state, *numbers)
            .where(TRIALS.c.search_id == search_id, TRIALS.c.finish_order.is_not(None))
            .order_by(TRIALS.c.finish_order)
        )
        with self.database.read() as connection:
            return [end_record(row) for row in connection.execute(query)]

    @override
    def extend(
        self, search_id: str, *, trials: int, now: datetime, expected_version: int | None = None
    ) -> SearchRecord:
        if trials < 1:
            raise InvalidSettings("trials to add must be at least 1", field="trials")

        def more(search: SearchRecord) -> int:
            if search.trials_total + trials > MAX_TRIALS:
                raise InvalidSettings(f"a search has at most {MAX_TRIALS} trials", field="trials")
            return trials

        return self.raise_total(search_id, EXTEND, more, now=now, expected_version=expected_version)

    @override
    def meter(
        self, search_id: str, controller: str, *, slots: int, now: datetime, most_s: float
    ) -> SearchRecord:
        with self.database.write() as connection:
            row = self._claimed(connection, search_id, controller)
            if row.state != SearchState.RUNNING:
                return self.record(row)
            since_s = 0.0 if row.metered_at is None else (now - row.metered_at).total_seconds()
            # Where nobody looked for long, nobody knows whether there was a slot.
            used_s = min(max(0.0, since_s), most_s) if slots > 0 else 0.0
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == search_id)
                .values(
                    spent_s=SEARCHES.c.spent_s + used_s,
                    slot_s=SEARCHES.c.slot_s + used_s * slots,
                    metered_at=now,
                )
            )
            return self._read(connection, search_id)

    @override
    def shorten(self, search_id: str, controller: str, *, trials: int, now: datetime) -> SearchRecord:
        with self.database.write() as connection:
            row = self._claimed(connection, search_id, controller)
            if row.state != SearchState.RUNNING or row.extensions or row.trials_total <= trials:
                return self.record(row)
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == search_id)
                .values(trials_total=trials, version=row.version + 1)
            )
            told = {"trials_total": trials, "spent_s": round(row.spent_s, 1)}
            add_event(connection, search_id, "search.shortened", now, told)
            return self._read(connection, search_id)

    def _claimed(self, connection: Connection, search_id: str, controller: str) -> Row[Any]:
        """The row, locked. Raises ``Conflict`` where another controller drives it."""
        row = self._row(connection, search_id, lock=True)
        if row.claimed_by != controller:
            raise Conflict(f"search {search_id!r} is driven by {row.claimed_by}, not by {controller}")
        return row
