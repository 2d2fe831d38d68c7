"""Rows for charts: plain columns in one statement each, without specs and curves where none is shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select, text
from typing_extensions import override

from backprop_evo.errors import NotFound
from backprop_evo.records.charting import AttemptSpan, FinishPoint, ProposalPoint, TrainedPoint, ValuePoint
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import TrialRecord
from backprop_evo.records.training import TrainSpec
from backprop_evo.store.charts_base import Charts
from backprop_evo.store.codec import decode_train_spec
from backprop_evo.store.engine import Database
from backprop_evo.store.finishes import ENDED_IT, VALUES
from backprop_evo.store.rows import trial_record
from backprop_evo.store.tables import (
    ATTEMPTS,
    ENDED_STATES,
    INDIVIDUALS,
    INTERMEDIATE_VALUES,
    LEADERBOARD,
    TRIALS,
)

#: The accuracy that a finish is shown with.
SHOWN = case(
    (TRIALS.c.state == TrialState.COMPLETED, TRIALS.c.validation_accuracy), else_=VALUES.validation_accuracy
)


@dataclass(frozen=True, slots=True)
class SqlCharts(Charts):
    """Read anew at every call."""

    database: Database

    @override
    def finishes(self, search_id: str, *, after: int = 0, limit: int) -> Sequence[FinishPoint]:
        trial = TRIALS.c
        query = (
            select(trial.finish_order, trial.individual, trial.purpose, trial.state)
            .add_columns(SHOWN.label("accuracy"), VALUES.rung, trial.equation)
            .select_from(TRIALS.outerjoin(INTERMEDIATE_VALUES, ENDED_IT))
            .where(trial.search_id == search_id, trial.finish_order > after)
            .order_by(trial.finish_order)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [FinishPoint._make(row) for row in connection.execute(query)]

    @override
    def last_finish(self, search_id: str) -> int:
        query = select(func.max(TRIALS.c.finish_order)).where(TRIALS.c.search_id == search_id)
        with self.database.read() as connection:
            return connection.execute(query).scalar_one() or 0

    @override
    def finish(self, search_id: str, finish_order: int) -> TrialRecord:
        query = select(TRIALS).where(TRIALS.c.search_id == search_id, TRIALS.c.finish_order == finish_order)
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"no trial of {search_id!r} was the {finish_order}th to finish")
        return trial_record(row)

    @override
    def proposals(self, search_id: str, *, after: int = -1, limit: int) -> Sequence[ProposalPoint]:
        one, row = INDIVIDUALS.c, LEADERBOARD.c
        fitness = case((row.search_n > 0, row.search_fitness))
        of_it = and_(row.search_id == one.search_id, row.individual == one.number)
        query = (
            select(one.number, one.origin, one.twin, fitness)
            .select_from(INDIVIDUALS.outerjoin(LEADERBOARD, of_it))
            .where(one.search_id == search_id, one.number > after)
            .order_by(one.number)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [ProposalPoint._make(each) for each in connection.execute(query)]

    @override
    def completed(self, search_id: str, purpose: str) -> int:
        trial = TRIALS.c
        here, completed = trial.search_id == search_id, TrialState.COMPLETED
        # No index knows purpose and state together. One counts all that completed; another finds the few of
        # other purposes, if the state is written so that SQLite does not go by that.
        rare = trial.purpose.in_([each for each in Purpose if each != purpose])
        count = select(func.count()).select_from(TRIALS)
        every = count.where(here, trial.state == completed, text(ENDED_STATES))
        other = count.where(here, rare, (trial.state + "") == completed)
        with self.database.read() as connection:
            return int(connection.execute(every).scalar_one() - connection.execute(other).scalar_one())

    @override
    def attempts(
        self, search_id: str | None = None, *, limit: int, since: datetime | None = None
    ) -> Sequence[AttemptSpan]:
        taken = select(TRIALS.c.id, TRIALS.c.individual, TRIALS.c.row).where(TRIALS.c.fence > 0)
        if search_id is not None:
            taken = taken.where(TRIALS.c.search_id == search_id)
        newest = taken.order_by(TRIALS.c.row.desc()).limit(limit).subquery()
        query = (
            select(ATTEMPTS.c.trial_id, newest.c.individual, ATTEMPTS.c.worker)
            .add_columns(ATTEMPTS.c.started_at, ATTEMPTS.c.ended_at, ATTEMPTS.c.outcome)
            .join(newest, newest.c.id == ATTEMPTS.c.trial_id)
            .order_by(newest.c.row, ATTEMPTS.c.fence)
        )
        if since is not None:
            query = query.where(or_(ATTEMPTS.c.ended_at.is_(None), ATTEMPTS.c.ended_at >= since))
        with self.database.read() as connection:
            return [AttemptSpan._make(row) for row in connection.execute(query)]

    @override
    def values(self, trial_ids: Collection[str]) -> Sequence[ValuePoint]:
        if not trial_ids:
            return []
        query = (
            select(VALUES.trial_id, VALUES.step, VALUES.rung, VALUES.validation_accuracy, VALUES.train_loss)
            .where(VALUES.trial_id.in_(trial_ids))
            .order_by(VALUES.trial_id, VALUES.step)
        )
        with self.database.read() as connection:
            return [ValuePoint._make(row) for row in connection.execute(query)]

    @override
    def trained(
        self, fingerprint: str, *, limit: int, search_ids: Collection[str] | None = None
    ) -> Sequence[TrainedPoint]:
        trial = TRIALS.c
        query: Select[Any] = (
            select(trial.id, trial.search_id, trial.purpose, trial.seed, trial.spec, trial.state)
            .add_columns(trial.validation_accuracy, trial.test_accuracy)
            .where(and_(trial.fingerprint == fingerprint, trial.finish_order.is_not(None)))
            .order_by(trial.row.desc())
            .limit(limit)
        )
        if search_ids is not None:
            # Written so that no index answers it: SQLite would read all trials of these searches instead of
            # the few of this behaviour (430 ms at 100,000).
            query = query.where((trial.search_id + "").in_(search_ids))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [
            TrainedPoint(row.id, row.search_id, row.purpose, row.seed, _train(row.spec), row.state, *row[6:])
            for row in rows
        ]


@lru_cache(maxsize=256)
def _train(text: str) -> TrainSpec:
    """Hundreds of trials share a few specs."""
    return decode_train_spec(text)
