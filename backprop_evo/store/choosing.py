"""Choices as conditions and orders of queries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select, text, tuple_

from backprop_evo.records.choosing import RowChoice, TrialChoice, TrialOrder, Written
from backprop_evo.records.evaluating import setting_id as setting_id_of
from backprop_evo.records.funnel import trained_for
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import TrainSpec
from backprop_evo.store.codec import decode_search_spec
from backprop_evo.store.cursors import decode_cursor
from backprop_evo.store.tables import ENDED_STATES, LEADERBOARD, OPEN_STATES, SEARCHES, TRIALS

#: Trials without the number come last, and a page can go on after them.
NONE_YET = -1.0


def written_so(table: FromClause, choice: Written) -> list[ColumnElement[bool]]:
    """By its ``equation``."""
    conditions: list[ColumnElement[bool]] = []
    if choice.text is not None:
        conditions.append(table.c.equation.contains(choice.text, autoescape=True))
    if choice.component is not None:
        # First by what databases look up in a breath: a pattern takes SQLite a call into Python a row.
        conditions.append(table.c.equation.contains(choice.component, autoescape=True))
        name = re.escape(choice.component)
        conditions.append(table.c.equation.regexp_match(f"(^|[^A-Za-z0-9_]){name}([^A-Za-z0-9_]|$)"))
    return conditions


def chosen_trials(search_id: str, choice: TrialChoice) -> Select[Any]:
    """Those of a search, in no order."""
    query = select(TRIALS).where(TRIALS.c.search_id == search_id, *written_so(TRIALS, choice))
    if choice.state is not None:
        # As the partial indexes have it: no database can tell that one state is among theirs.
        among = text(ENDED_STATES if choice.state.is_terminal else OPEN_STATES)
        query = query.where(TRIALS.c.state == choice.state, among)
    if choice.purpose is not None:
        query = query.where(TRIALS.c.purpose == choice.purpose)
    return query


def place_of(row: Any, order: TrialOrder) -> tuple[float, int]:
    """Of a trial in this order, as its cursor holds it."""
    number = {TrialOrder.BEST: row.validation_accuracy, TrialOrder.LONGEST: row.wall_time_s}.get(order)
    return (NONE_YET if number is None else number, row.row)


def in_order(query: Select[Any], kind: str, order: TrialOrder, cursor: str | None) -> Sequence[Select[Any]]:
    """Sorted, from behind the cursor on: parts, of which each begins where the one before has ended. Those
    without the number are a part of their own, so that each part is a range of an index."""
    reached, row = (None, 0) if cursor is None else decode_cursor(kind, cursor, (float, int))
    column = {TrialOrder.BEST: TRIALS.c.validation_accuracy, TrialOrder.LONGEST: TRIALS.c.wall_time_s}.get(
        order
    )
    if column is None:
        behind = TRIALS.c.row > row if order is TrialOrder.OLDEST else TRIALS.c.row < row
        by_row = TRIALS.c.row.asc() if order is TrialOrder.OLDEST else TRIALS.c.row.desc()
        return [(query if cursor is None else query.where(behind)).order_by(by_row)]
    measured = query.where(column.is_not(None)).order_by(column.desc(), TRIALS.c.row.desc())
    rest = query.where(column.is_(None)).order_by(TRIALS.c.row.desc())
    if reached is None:
        return [measured, rest]
    if reached == NONE_YET:
        return [rest.where(TRIALS.c.row < row)]
    return [measured.where(tuple_(column, TRIALS.c.row) < (reached, row)), rest]


def chosen_settings(connection: Connection, choice: RowChoice) -> Sequence[str]:
    """Ids of the settings with results in which such children were trained; there are few settings."""
    of_each = (
        select(LEADERBOARD.c.setting_id, func.min(LEADERBOARD.c.search_id).label("search_id"))
        .group_by(LEADERBOARD.c.setting_id)
        .subquery()
    )
    query = select(of_each.c.setting_id, SEARCHES.c.spec).join(SEARCHES, SEARCHES.c.id == of_each.c.search_id)
    return [
        row.setting_id
        for row in connection.execute(query)
        if _is_chosen(train_of(decode_search_spec(row.spec), row.setting_id), choice)
    ]


def _is_chosen(train: TrainSpec, choice: RowChoice) -> bool:
    wanted = ((choice.model, train.model), (choice.data, train.data), (choice.optimizer, train.optimizer))
    return all(asked is None or asked == found for asked, found in wanted)


def train_of(search: SearchSpec, setting_id: str) -> TrainSpec:
    """The search's, or that of its confirmation, which may be longer."""
    own = search.train
    return own if setting_id_of(own) == setting_id else trained_for(own, search.confirmation.epochs)
