"""Counts over everything, each one scan of an index."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from backprop_evo.records.searching import SearchState, TrialState
from backprop_evo.records.stored import Statistics
from backprop_evo.store.tables import SEARCHES, TRIALS


def count_all(connection: Connection) -> Statistics:
    searches = connection.execute(select(SEARCHES.c.state, func.count()).group_by(SEARCHES.c.state))
    trials = connection.execute(select(TRIALS.c.state, func.count()).group_by(TRIALS.c.state))
    return Statistics(
        searches={SearchState(state): count for state, count in searches},
        trials={TrialState(state): count for state, count in trials},
    )
