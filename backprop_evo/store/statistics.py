"""Counts over everything, each one scan of an index."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from typing_extensions import override

from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Counts
from backprop_evo.store.base import Statistics
from backprop_evo.store.engine import Database
from backprop_evo.store.tables import SEARCHES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlStatistics(Statistics):
    """Counted anew at every call."""

    database: Database

    @override
    def count(self) -> Counts:
        with self.database.read() as connection:
            searches = connection.execute(select(SEARCHES.c.state, func.count()).group_by(SEARCHES.c.state))
            trials = connection.execute(select(TRIALS.c.state, func.count()).group_by(TRIALS.c.state))
            return Counts(
                searches={SearchState(state): count for state, count in searches},
                trials={TrialState(state): count for state, count in trials},
            )
