"""Counts and sums over what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from typing_extensions import override

from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Counts
from backprop_evo.store.base import Statistics
from backprop_evo.store.columns import Kind
from backprop_evo.store.engine import Database
from backprop_evo.store.tables import ATTEMPTS, SEARCHES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlStatistics(Statistics):
    """Counted anew at every call."""

    database: Database

    @override
    def count(self) -> Counts:
        with self.database.read() as connection:
            driven = connection.execute(
                select(SEARCHES.c.kind, SEARCHES.c.state, func.count().label("number")).group_by(
                    SEARCHES.c.kind, SEARCHES.c.state
                )
            ).all()
            trials = connection.execute(select(TRIALS.c.state, func.count()).group_by(TRIALS.c.state))
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


def _of_kind(rows: Sequence[Row[Any]], kind: Kind) -> Mapping[SearchState, int]:
    return {SearchState(row.state): row.number for row in rows if row.kind == kind}
