"""Pages of the leaderboard and of trials."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from backprop_evo.records.searching import Purpose, TrialState
from backprop_evo.records.stored import Accuracies, LeaderboardRow, Page, TrialRecord
from backprop_evo.search.brain import BASELINE
from backprop_evo.store.cursors import decode_cursor, encode_cursor, page_size
from backprop_evo.store.rows import trial_record
from backprop_evo.store.standings import CONFIRMED
from backprop_evo.store.tables import STANDINGS, TRIALS
from dsl.parsing import parse
from dsl.printing import to_latex


def list_standings(
    connection: Connection, search_id: str | None, *, cursor: str | None, limit: int
) -> Page[LeaderboardRow]:
    """The cursor carries the rank reached, so that a page need not count what stands above it."""
    key = (STANDINGS.c.tier, STANDINGS.c.rank_key, STANDINGS.c.search_id, STANDINGS.c.individual)
    query = select(STANDINGS).order_by(*key).limit(page_size(limit) + 1)
    if search_id is not None:
        query = query.where(STANDINGS.c.search_id == search_id)
    rank = 0
    if cursor is not None:
        rank, *after = decode_cursor("standings", cursor, (int, int, float, str, int))
        query = query.where(tuple_(*key) > tuple(after))
    rows = connection.execute(query).all()
    items = tuple(_leaderboard_row(row, rank + place) for place, row in enumerate(rows[:limit], start=1))
    if len(rows) <= limit:
        return Page(items, None)
    last = rows[limit - 1]
    next_cursor = encode_cursor(
        "standings", rank + limit, last.tier, last.rank_key, last.search_id, last.individual
    )
    return Page(items, next_cursor)


def get_baseline(connection: Connection, search_id: str) -> LeaderboardRow | None:
    row = connection.execute(
        select(STANDINGS).where(
            STANDINGS.c.search_id == search_id, STANDINGS.c.individual == BASELINE, STANDINGS.c.is_baseline
        )
    ).one_or_none()
    if row is None:
        return None
    above = select(func.count()).where(
        STANDINGS.c.search_id == search_id,
        tuple_(STANDINGS.c.tier, STANDINGS.c.rank_key, STANDINGS.c.individual)
        < (row.tier, row.rank_key, row.individual),
    )
    return _leaderboard_row(row, connection.execute(above).scalar_one() + 1)


def _leaderboard_row(row: Row[Any], rank: int) -> LeaderboardRow:
    confirmed = row.tier == CONFIRMED
    return LeaderboardRow(
        rank=rank,
        search_id=row.search_id,
        individual=row.individual,
        equation=row.equation,
        latex=_latex(row.equation),
        fingerprint=row.fingerprint,
        is_baseline=row.is_baseline,
        confirmed=confirmed,
        validation=(
            _accuracies(row.validation_n, row.validation_mean, row.validation_m2)
            if confirmed
            else Accuracies(mean=row.search_fitness, std=None, n=row.search_n)
        ),
        search_fitness=row.search_fitness,
        test=_accuracies(row.test_n, row.test_mean, row.test_m2) if confirmed and row.test_n else None,
        train_time_s=row.train_time_s,
        learning_rate=row.learning_rate,
    )


def _accuracies(n: int, mean: float, m2: float) -> Accuracies:
    return Accuracies(mean=mean, std=math.sqrt(m2 / (n - 1)) if n > 1 else None, n=n)


@lru_cache(maxsize=10_000)
def _latex(equation: str) -> str:
    return to_latex(parse(equation))


def list_trials(
    connection: Connection,
    search_id: str,
    *,
    state: TrialState | None,
    purpose: Purpose | None,
    cursor: str | None,
    limit: int,
) -> Page[TrialRecord]:
    conditions = [TRIALS.c.search_id == search_id]
    if state is not None:
        conditions.append(TRIALS.c.state == state)
    if purpose is not None:
        conditions.append(TRIALS.c.purpose == purpose)
    return _trial_page(connection, "trials", conditions, cursor, limit)


def trials_of_behaviour(
    connection: Connection, fingerprint: str, *, cursor: str | None, limit: int
) -> Page[TrialRecord]:
    return _trial_page(connection, "behaviour", [TRIALS.c.fingerprint == fingerprint], cursor, limit)


def _trial_page(
    connection: Connection, kind: str, conditions: list[Any], cursor: str | None, limit: int
) -> Page[TrialRecord]:
    query = select(TRIALS).where(*conditions).order_by(TRIALS.c.row.desc()).limit(page_size(limit) + 1)
    if cursor is not None:
        (below,) = decode_cursor(kind, cursor, (int,))
        query = query.where(TRIALS.c.row < below)
    rows = connection.execute(query).all()
    items = tuple(trial_record(row) for row in rows[:limit])
    return Page(items, encode_cursor(kind, rows[limit - 1].row) if len(rows) > limit else None)
