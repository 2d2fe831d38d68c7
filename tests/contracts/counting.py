"""What counters tell beside what there is: the oracle of every transaction that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Table, select

from backprop_evo.records.states import TrialState
from backprop_evo.store.counter_tables import ENDED_TRIALS, SETTING_RESULTS
from backprop_evo.store.sql import SqlStore
from backprop_evo.store.tables import LEADERBOARD, TRIALS

Numbers = Mapping[tuple[str, str], int]


def ended_trials(store: SqlStore) -> tuple[Numbers, Numbers]:
    """Counted, and by looking at every trial; by search and state."""
    found = Counter(key for key in _pairs(store, TRIALS, "state") if TrialState(key[1]).is_terminal)
    return _counted(store, ENDED_TRIALS, "state"), found


def setting_results(store: SqlStore) -> tuple[Numbers, Numbers]:
    """Counted, and by looking at every row of the leaderboard; by search and setting."""
    found = Counter(key for key in _pairs(store, LEADERBOARD, "setting_id") if key[1])
    return _counted(store, SETTING_RESULTS, "setting_id"), found


def check(store: SqlStore) -> None:
    for counted, found in (ended_trials(store), setting_results(store)):
        assert counted == found


def _pairs(store: SqlStore, table: Table, column: str) -> list[tuple[str, str]]:
    with store.database.read() as connection:
        rows = connection.execute(select(table.c.search_id, table.c[column]))
        return [(search_id, value) for search_id, value in rows]


def _counted(store: SqlStore, table: Table, column: str) -> Numbers:
    query = select(table.c.search_id, table.c[column], table.c.number)
    with store.database.read() as connection:
        rows = connection.execute(query).all()
    assert all(number >= 0 for *_, number in rows)
    return {(search_id, value): number for search_id, value, number in rows if number}
