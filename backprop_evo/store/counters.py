"""Counters beside the rows that they count: parts of the transactions that write these rows.

Added to by one statement each, so that transactions that count at once lose nothing; a counter may be 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

from backprop_evo.records.states import TrialState
from backprop_evo.store.counter_tables import ENDED_TRIALS, SETTING_RESULTS


def _adding(table: Table) -> Mapping[str, Insert]:
    """By dialect: begin to count, or count on."""
    made = {}
    for each in (postgresql, sqlite):
        new = each.insert(table)
        more = {"number": table.c.number + new.excluded.number}
        made[each.dialect.name] = new.on_conflict_do_update(index_elements=table.primary_key, set_=more)
    return made


ADD = {table: _adding(table) for table in (ENDED_TRIALS, SETTING_RESULTS)}


def count_ended(connection: Connection, search_id: str, state: TrialState, number: int = 1) -> None:
    """So many more trials of the search have ended in the state; fewer, where one is tried again."""
    _add(connection, ENDED_TRIALS, {"search_id": search_id, "state": state}, number)


def count_results(connection: Connection, search_id: str, setting_id: str, number: int = 1) -> None:
    """So many more rows of the search's leaderboard belong to the setting."""
    if setting_id:  # a process of an earlier version leaves it empty
        _add(connection, SETTING_RESULTS, {"search_id": search_id, "setting_id": setting_id}, number)


def move_result(connection: Connection, search_id: str, before: str, after: str) -> None:
    """One row of the search's leaderboard goes from a setting to another one."""
    if before == after:
        return
    # The new one first: only it may have to wait for the search's row, and whoever holds that one waits for
    # the other.
    count_results(connection, search_id, after)
    count_results(connection, search_id, before, -1)


def _add(connection: Connection, table: Table, key: Mapping[str, str], number: int) -> None:
    if number:
        connection.execute(ADD[table][connection.dialect.name], {**key, "number": number})
