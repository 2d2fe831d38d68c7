"""The leaderboard: brought up to date by every finished trial, so that a page is one range of an index.

Rows are ranked within their setting, nowhere else: other train specs make other accuracies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    exists,
    func,
    or_,
    select,
    tuple_,
)
from typing_extensions import override

from backprop_evo.errors import NotFound
from backprop_evo.records.choosing import EVERY_ROW, RowChoice
from backprop_evo.records.leaderboard import LeaderboardRecord, SettingRecord
from backprop_evo.records.stored import Page
from backprop_evo.store.base import Leaderboard
from backprop_evo.store.choosing import train_of
from backprop_evo.store.codec import decode_search_spec
from backprop_evo.store.cursors import decode_cursor, encode_cursor, page_size
from backprop_evo.store.engine import Database
from backprop_evo.store.leaderboard_counting import accuracies_from
from backprop_evo.store.ranks import (
    CONFIRMED,
    RANK_ORDER,
    first_rows,
    key_of,
    places_of,
    scope_of,
    with_star,
)
from backprop_evo.store.rows import method_spec
from backprop_evo.store.tables import LEADERBOARD, SEARCHES, SETTING_RESULTS

#: A process of an earlier version moves rows out of a setting without counting them.
HAS_ROWS = exists().where(LEADERBOARD.c.setting_id == SETTING_RESULTS.c.setting_id)


@dataclass(frozen=True, slots=True)
class SqlLeaderboard(Leaderboard):
    """Read only: its rows are written by the transactions that end trials."""

    database: Database

    @override
    def page(
        self,
        search_id: str | None = None,
        *,
        setting_id: str | None = None,
        choice: RowChoice = EVERY_ROW,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[LeaderboardRecord]:
        listing = f"leaderboard of {search_id or setting_id or 'all'}{_told(choice)}"
        rank, setting = 0, ""  # the cursor carries what was reached: nobody counts what stands above a page
        key, reached, places = key_of(search_id), None, None
        with self.database.read() as connection:
            scope = scope_of(connection, search_id, setting_id, choice)
            whole = list(scope)
            if cursor is not None:
                rank, setting, *after = decode_cursor(listing, cursor, (int, str, int, float, str, int))
                reached = tuple(after if search_id is not None else (setting, *after))
                whole.append(tuple_(*key) > reached)
            rows = first_rows(connection, whole, choice, key, page_size(limit) + 1)
            if choice.chooses_rows:
                places = places_of(connection, scope, key, rows[:limit], reached)
        if not rows and setting_id is not None and cursor is None and choice == EVERY_ROW:
            raise _no_results(setting_id)
        of_all = setting if search_id is None else None
        items = tuple(
            _ranked(rows[:limit], rank, of_all)
            if places is None
            else _placed(rows[:limit], rank, of_all, places)
        )
        if len(rows) <= limit:
            return Page(items, None)
        last = rows[limit - 1]
        place = (items[-1].rank, last.setting_id, last.tier, last.rank_key, last.search_id, last.individual)
        return Page(items, encode_cursor(listing, *place))

    @override
    def baseline(self, search_id: str) -> LeaderboardRecord | None:
        here = LEADERBOARD.c.search_id == search_id
        query = (
            with_star(LEADERBOARD)
            .where(here, LEADERBOARD.c.is_baseline)
            .order_by(LEADERBOARD.c.individual)  # by the primary key: searches begin with it, so few are read
            .limit(1)
        )
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            above = select(func.count()).where(
                here,
                tuple_(LEADERBOARD.c.tier, LEADERBOARD.c.rank_key, LEADERBOARD.c.individual)
                < (row.tier, row.rank_key, row.individual),
            )
            return _record(row, connection.execute(above).scalar_one() + 1)

    @override
    def settings(self, *, cursor: str | None = None, limit: int = 50) -> Page[SettingRecord]:
        results, ids = func.sum(SETTING_RESULTS.c.number), SETTING_RESULTS.c.setting_id
        query = (
            select(ids, results.label("results"))
            .group_by(ids)
            .having(results > 0, HAS_ROWS)
            .order_by(results.desc(), ids)
            .limit(page_size(limit) + 1)
        )
        if cursor is not None:
            number, after = decode_cursor("settings", cursor, (int, str))
            query = query.having(or_(results < number, (results == number) & (ids > after)))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
            items = tuple(_setting(connection, row.setting_id, row.results) for row in rows[:limit])
        last = items[-1] if len(rows) > limit else None
        return Page(items, encode_cursor("settings", last.results, last.id) if last else None)

    @override
    def setting(self, setting_id: str) -> SettingRecord:
        counted = select(func.sum(SETTING_RESULTS.c.number))
        query = counted.where(SETTING_RESULTS.c.setting_id == setting_id, HAS_ROWS)
        with self.database.read() as connection:
            results = connection.execute(query).scalar_one()
            if not results:
                raise _no_results(setting_id)
            return _setting(connection, setting_id, results)


def _told(choice: RowChoice) -> str:
    """A cursor goes on with the choice that it was given out for."""
    return "" if choice == EVERY_ROW else f" {hashlib.sha256(repr(choice).encode()).hexdigest()[:8]}"


def _no_results(setting_id: str) -> NotFound:
    return NotFound(
        f"no search has results in a setting {setting_id[:40]!r}",
        hint="list the settings of the leaderboard to see their ids",
    )


def _ranked(rows: Sequence[Row[Any]], rank: int, setting: str | None) -> Iterator[LeaderboardRecord]:
    """Counted on from the rank reached; each setting begins with 1, unless that is None."""
    for row in rows:
        rank = rank + 1 if setting in (None, row.setting_id) else 1
        setting = None if setting is None else row.setting_id
        yield _record(row, rank)


def _placed(
    rows: Sequence[Row[Any]], rank: int, setting: str | None, places: Mapping[tuple[str, int], int]
) -> Iterator[LeaderboardRecord]:
    """The same where some were left out: each has its place behind the rank that was reached in its
    setting."""
    for row in rows:
        before = rank if setting in (None, row.setting_id) else 0
        yield _record(row, before + places[row.search_id, row.individual])


def _setting(connection: Connection, setting_id: str, results: int) -> SettingRecord:
    here = LEADERBOARD.c.setting_id == setting_id
    best = connection.execute(
        with_star(LEADERBOARD)
        .add_columns(SEARCHES.c.spec)
        .join(SEARCHES, SEARCHES.c.id == LEADERBOARD.c.search_id)
        .where(here)
        .order_by(*RANK_ORDER)
        .limit(1)
    ).one()
    baseline = connection.execute(
        with_star(LEADERBOARD)
        .where(here, LEADERBOARD.c.tier == CONFIRMED, LEADERBOARD.c.is_baseline)
        .order_by(LEADERBOARD.c.validation_n.desc(), LEADERBOARD.c.search_id)
        .limit(1)
    ).one_or_none()
    return SettingRecord(
        id=setting_id,
        train=train_of(decode_search_spec(best.spec), setting_id),
        results=results,
        best=_record(best, 1),
        baseline=_record(baseline, None).validation if baseline is not None else None,
    )


def _record(row: Row[Any], rank: int | None) -> LeaderboardRecord:
    confirmed = row.tier == CONFIRMED
    search_fitness = accuracies_from(row.search_n, row.search_fitness, row.search_m2)
    return LeaderboardRecord(
        rank=rank,
        setting_id=row.setting_id,
        search_id=row.search_id,
        individual=row.individual if row.search_n else None,
        method=method_spec(row),
        fingerprint=row.fingerprint,
        is_baseline=row.is_baseline,
        is_yardstick=row.is_yardstick,
        is_control=row.is_control,
        confirmed=confirmed,
        validation=(
            accuracies_from(row.validation_n, row.validation_mean, row.validation_m2)
            if confirmed
            else search_fitness
        ),
        search_fitness=search_fitness if row.search_n else None,
        test=accuracies_from(row.test_n, row.test_mean, row.test_m2) if confirmed and row.test_n else None,
        train_time_s=row.train_time_s,
        learning_rate=row.learning_rate,
        starred=row.starred,
    )
