"""Counts and sums over what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, select, text
from typing_extensions import override

from backprop_evo.records.comparing import TrainingRecord
from backprop_evo.records.counting import Counts
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import TrainingTime
from backprop_evo.records.training import TrainResult
from backprop_evo.store.base import Statistics
from backprop_evo.store.codec import decode_result, decode_train_spec
from backprop_evo.store.columns import Kind
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import training_record
from backprop_evo.store.tables import ATTEMPTS, ENDED_TRIALS, OPEN_STATES, SEARCHES, SETTING_RESULTS, TRIALS

NEWEST_SEARCHES = 5
"""Older ones may have run on machines that are gone."""


@dataclass(frozen=True, slots=True)
class SqlStatistics(Statistics):
    """Read anew at every call."""

    database: Database

    @override
    def count(self) -> Counts:
        with self.database.read() as connection:
            driven = connection.execute(
                select(SEARCHES.c.kind, SEARCHES.c.state, func.count().label("number")).group_by(
                    SEARCHES.c.kind, SEARCHES.c.state
                )
            ).all()
            waiting = select(TRIALS.c.state, func.count()).where(text(OPEN_STATES)).group_by(TRIALS.c.state)
            number = func.sum(ENDED_TRIALS.c.number)
            ended = select(ENDED_TRIALS.c.state, number).group_by(ENDED_TRIALS.c.state).having(number > 0)
            # In one statement: a trial that ends meanwhile is counted once.
            trials = connection.execute(waiting.union_all(ended))
            return Counts(
                searches=_of_kind(driven, Kind.SEARCH),
                evaluations=_of_kind(driven, Kind.EVALUATION),
                trials={TrialState(state): count for state, count in trials},
            )

    @override
    def worker_time(self, search_id: str) -> Mapping[str, float]:
        attempts = (
            select(ATTEMPTS.c.trial_id, ATTEMPTS.c.started_at, ATTEMPTS.c.ended_at)
            .join(TRIALS, TRIALS.c.id == ATTEMPTS.c.trial_id)
            .where(TRIALS.c.search_id == search_id, ATTEMPTS.c.ended_at.is_not(None))
        )
        spent: defaultdict[str, float] = defaultdict(float)
        with self.database.read() as connection:
            for trial_id, started_at, ended_at in connection.execute(attempts):
                spent[trial_id] += (ended_at - started_at).total_seconds()
        return spent

    @override
    def times_of(self, search_id: str, *, limit: int = 200) -> Sequence[TrainingTime]:
        with self.database.read() as connection:
            return _times(connection, (search_id,), limit)

    @override
    def times_in(self, setting_id: str, *, limit: int = 200) -> Sequence[TrainingTime]:
        results = SETTING_RESULTS.c
        there = exists().where(
            results.search_id == SEARCHES.c.id, results.setting_id == setting_id, results.number > 0
        )
        newest = (
            select(SEARCHES.c.id)
            .where(SEARCHES.c.kind == Kind.SEARCH, there)
            .order_by(SEARCHES.c.created_at.desc(), SEARCHES.c.id.desc())
            .limit(NEWEST_SEARCHES)
        )
        with self.database.read() as connection:
            found = connection.execute(newest).scalars().all()
            return _times(connection, found, limit)

    @override
    def trainings_of(self, fingerprint: str, *, limit: int = 1000) -> Sequence[TrainingRecord]:
        names = ("id", "search_id", "fingerprint", "equation", "method", "purpose", "spec", "seed", "state")
        query = (
            select(*(TRIALS.c[name] for name in (*names, "validation_accuracy", "test_accuracy")))
            .where(TRIALS.c.fingerprint == fingerprint, TRIALS.c.finish_order.is_not(None))
            .order_by(TRIALS.c.row.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
            # Apart from the trials: many share a search, and its spec is long.
            query = select(SEARCHES.c.id, SEARCHES.c.spec, SEARCHES.c.role).where(
                SEARCHES.c.id.in_({row.search_id for row in rows})
            )
            driven = {each.id: each for each in connection.execute(query)}
        return [training_record(row, driven[row.search_id]) for row in rows]

    @override
    def results(self, trial_ids: Collection[str]) -> Mapping[str, TrainResult]:
        query = select(TRIALS.c.id, TRIALS.c.result).where(
            TRIALS.c.id.in_(trial_ids), TRIALS.c.result.is_not(None)
        )
        with self.database.read() as connection:
            return {trial_id: decode_result(text) for trial_id, text in connection.execute(query)}


def _times(connection: Connection, search_ids: Sequence[str], limit: int) -> list[TrainingTime]:
    """Of searches from the newest to the oldest; within one the newest ended first."""
    columns: Select[Any] = select(
        *(TRIALS.c.fingerprint, TRIALS.c.purpose, TRIALS.c.state, TRIALS.c.spec, TRIALS.c.result),
        *(TRIALS.c.started_at, TRIALS.c.ended_at),
    )
    times: list[TrainingTime] = []
    for search_id in search_ids:
        query = columns.where(
            TRIALS.c.search_id == search_id,
            TRIALS.c.finish_order.is_not(None),
            TRIALS.c.started_at.is_not(None),
        )
        newest = query.order_by(TRIALS.c.finish_order.desc()).limit(limit - len(times))
        times += map(_time, connection.execute(newest))
        if len(times) >= limit:
            break
    return times


def _time(row: Row[Any]) -> TrainingTime:
    return TrainingTime(
        fingerprint=row.fingerprint,
        purpose=Purpose(row.purpose),
        state=TrialState(row.state),
        spec=decode_train_spec(row.spec),
        epochs_done=decode_result(row.result).epochs_done,
        seconds=max(0.0, (row.ended_at - row.started_at).total_seconds()),
    )


def _of_kind(rows: Sequence[Row[Any]], kind: Kind) -> Mapping[SearchState, int]:
    return {SearchState(row.state): row.number for row in rows if row.kind == kind}
