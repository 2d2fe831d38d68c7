"""The leaderboard: brought up to date by every finished trial, so that a page is one range of an index."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, tuple_
from typing_extensions import override

from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import Accuracies, LeaderboardRecord, Page
from backprop_evo.records.training import TrainResult
from backprop_evo.store.base import Leaderboard
from backprop_evo.store.cursors import decode_cursor, encode_cursor, page_size
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import method_spec
from backprop_evo.store.tables import LEADERBOARD

CONFIRMED, UNCONFIRMED = 0, 1


@dataclass(frozen=True, slots=True)
class SqlLeaderboard(Leaderboard):
    """Read only: its rows are written by the transactions that end trials."""

    database: Database

    @override
    def page(
        self, search_id: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[LeaderboardRecord]:
        key = (LEADERBOARD.c.tier, LEADERBOARD.c.rank_key, LEADERBOARD.c.search_id, LEADERBOARD.c.individual)
        query = select(LEADERBOARD).order_by(*key).limit(page_size(limit) + 1)
        if search_id is not None:
            query = query.where(LEADERBOARD.c.search_id == search_id)
        rank = 0  # the cursor carries the rank reached, so that nobody counts what stands above a page
        if cursor is not None:
            rank, *after = decode_cursor("leaderboard", cursor, (int, int, float, str, int))
            query = query.where(tuple_(*key) > tuple(after))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        items = tuple(_record(row, rank + place) for place, row in enumerate(rows[:limit], start=1))
        if len(rows) <= limit:
            return Page(items, None)
        last = rows[limit - 1]
        place = (rank + limit, last.tier, last.rank_key, last.search_id, last.individual)
        return Page(items, encode_cursor("leaderboard", *place))

    @override
    def baseline(self, search_id: str) -> LeaderboardRecord | None:
        here = LEADERBOARD.c.search_id == search_id
        query = (
            select(LEADERBOARD)
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


def _record(row: Row[Any], rank: int) -> LeaderboardRecord:
    confirmed = row.tier == CONFIRMED
    return LeaderboardRecord(
        rank=rank,
        search_id=row.search_id,
        individual=row.individual if row.search_n else None,
        method=method_spec(row),
        fingerprint=row.fingerprint,
        is_baseline=row.is_baseline,
        is_yardstick=row.is_yardstick,
        is_control=row.is_control,
        confirmed=confirmed,
        validation=(
            _accuracies(row.validation_n, row.validation_mean, row.validation_m2)
            if confirmed
            else Accuracies(mean=row.search_fitness, std=None, n=row.search_n)
        ),
        search_fitness=row.search_fitness if row.search_n else None,
        test=_accuracies(row.test_n, row.test_mean, row.test_m2) if confirmed and row.test_n else None,
        train_time_s=row.train_time_s,
        learning_rate=row.learning_rate,
    )


def _accuracies(n: int, mean: float, m2: float) -> Accuracies:
    return Accuracies(mean=mean, std=math.sqrt(m2 / (n - 1)) if n > 1 else None, n=n)


def count_trial(connection: Connection, trial: Row[Any], result: TrainResult, *, completed: bool) -> None:
    """Count one terminal trial of a search in. Trials that did not complete leave no row: they have no
    fitness."""
    if not completed or result.validation_accuracy is None:
        return
    accuracy = result.validation_accuracy
    connection.execute(
        insert(LEADERBOARD).values(
            search_id=trial.search_id,
            individual=trial.individual,
            equation=trial.equation,
            method=trial.method,
            fingerprint=trial.fingerprint,
            is_baseline=trial.purpose == Purpose.BASELINE,
            is_yardstick=trial.purpose == Purpose.YARDSTICK,
            tier=UNCONFIRMED,
            rank_key=-accuracy,
            search_fitness=accuracy,
            search_n=1,
            learning_rate=result.learning_rate,
            train_time_s=result.wall_time_s,
            validation_n=0,
            validation_mean=0.0,
            validation_m2=0.0,
            test_n=0,
            test_mean=0.0,
            test_m2=0.0,
        )
    )
