"""Choices as conditions and orders of queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    TextClause,
    func,
    select,
    text,
    tuple_,
)

from backprop_evo.records.choosing import RowChoice, TrialChoice, TrialOrder, Written
from backprop_evo.records.evaluating import setting_id as setting_id_of
from backprop_evo.records.funnel import trained_for
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import TrainSpec
from backprop_evo.store.codec import decode_search_spec
from backprop_evo.store.cursors import decode_cursor
from backprop_evo.store.tables import ENDED_STATES, OPEN_STATES, SEARCHES, SETTING_RESULTS, TRIALS

#: Trials without the number come last, and a page can go on after them.
NONE_YET = -1.0
#: No trial has these: rows are numbered from 1 on.
FIRST_ROW, LAST_ROW = 0, 2**63 - 1
#: Rows in which PostgreSQL looks for a text before it makes a plan of its own. It cannot tell how many
#: equations have a text, takes it for rare, and would read and sort all rows for what stands in every tenth.
LOOKED_AT = 2000


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


@dataclass(frozen=True, slots=True)
class Range:
    """The rows of ``trials`` whose columns have these values. An index begins with the columns and goes on
    with ``row``; ``conditions`` hold beside them."""

    values: tuple[tuple[ColumnElement[Any], str], ...]
    conditions: tuple[ColumnElement[bool] | TextClause, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of ``trials`` sorted by the columns ``by``, all in one direction. ``near`` says nothing new of
    them, but how many they are can be estimated by it. A walk in their order must do without: it would begin
    there, and not at its first row."""

    query: Select[Any]
    by: tuple[str, ...]
    descends: bool = True
    near: tuple[ColumnElement[bool], ...] = ()

    def sorted_from(self, source: FromClause) -> Sequence[ColumnElement[Any]]:
        """The columns of ``source``, which holds these rows, to sort it by."""
        columns = [source.c[name] for name in self.by]
        return [column.desc() if self.descends else column.asc() for column in columns]


def chosen_trials(search_id: str, choice: TrialChoice) -> Range:
    """Those of a search, whatever is written in them."""
    of_search = (TRIALS.c.search_id, search_id)
    purpose = () if choice.purpose is None else ((TRIALS.c.purpose, choice.purpose),)
    if choice.state is None:
        return Range((of_search, *purpose))
    # As the partial indexes have it: no database can tell that one state is among theirs.
    among = text(ENDED_STATES if choice.state.is_terminal else OPEN_STATES)
    beside = tuple(column == value for column, value in purpose)
    return Range((of_search, (TRIALS.c.state, choice.state)), (among, *beside))


def place_of(row: Any, order: TrialOrder) -> tuple[float, int]:
    """Of a trial in this order, as its cursor holds it."""
    number = {TrialOrder.BEST: row.validation_accuracy, TrialOrder.LONGEST: row.wall_time_s}.get(order)
    return (NONE_YET if number is None else number, row.row)


def in_order(chosen: Range, kind: str, order: TrialOrder, cursor: str | None) -> Sequence[Part]:
    """Sorted, from behind the cursor on: parts, of which each begins where the one before has ended. Those
    without the number are a part of their own, so that each part is a range of an index."""
    reached, row = (None, 0) if cursor is None else decode_cursor(kind, cursor, (float, int))
    numbers = {TrialOrder.BEST: TRIALS.c.validation_accuracy, TrialOrder.LONGEST: TRIALS.c.wall_time_s}
    column = numbers.get(order)
    if order is TrialOrder.OLDEST:
        return [_by_row(chosen, above=row, descends=False)]
    if column is None:
        return [_by_row(chosen, below=LAST_ROW if cursor is None else row)]
    same = [each == value for each, value in chosen.values]
    by_number = select(TRIALS).where(*same, *chosen.conditions, column.is_not(None))
    rest = replace(chosen, conditions=(*chosen.conditions, column.is_(None)))
    if reached == NONE_YET:
        return [_by_row(rest, below=row)]
    if reached is not None:
        by_number = by_number.where(tuple_(column, TRIALS.c.row) < (reached, row))
    return [Part(by_number, (column.name, "row")), _by_row(rest)]


def _by_row(chosen: Range, *, above: int = FIRST_ROW, below: int = LAST_ROW, descends: bool = True) -> Part:
    """What lies between two rows, themselves left out.

    Not ``column = value ORDER BY row``: PostgreSQL then walks the primary key, which has that order too, and
    filters, through a million rows where the search is an old or a new one. Sorted by every column of the
    index, none of them known to be constant, only that index has the order.
    """
    columns = tuple(each for each, _ in chosen.values)
    values = tuple(value for _, value in chosen.values)
    key = tuple_(*columns, TRIALS.c.row)
    query = select(TRIALS).where(key > (*values, above), key < (*values, below), *chosen.conditions)
    near = (columns[0] >= values[0], columns[0] <= values[0])
    return Part(query, (*(each.name for each in columns), "row"), descends, near)


def first_written(connection: Connection, part: Part, choice: Written, limit: int) -> Sequence[Row[Any]]:
    """The first rows of the part in which the choice is written."""

    def written(source: FromClause) -> Select[Any]:
        return select(source).where(*written_so(source, choice)).order_by(*part.sorted_from(source))

    ordered = part.query.order_by(*part.sorted_from(TRIALS))
    near = part.near if choice.chooses_equations else ()
    whole = ordered.where(*near, *written_so(TRIALS, choice))
    return first_found(connection, choice, ordered, written, whole, limit)


def first_found(
    connection: Connection,
    choice: Written,
    ordered: Select[Any],
    shown: Callable[[FromClause], Select[Any]],
    whole: Select[Any],
    limit: int,
) -> Sequence[Row[Any]]:
    """The first rows of ``whole``, which is what is ``shown`` of all that are ``ordered``. In PostgreSQL a
    text is looked for in the first of these by themselves."""
    if choice.chooses_equations and connection.dialect.name == "postgresql":
        rows = connection.execute(shown(ordered.limit(LOOKED_AT).subquery()).limit(limit)).all()
        if len(rows) == limit:
            return rows
    return connection.execute(whole.limit(limit)).all()


def chosen_settings(connection: Connection, choice: RowChoice) -> Sequence[str]:
    """Ids of the settings with results in which such children were trained; there are few settings."""
    results = SETTING_RESULTS.c
    of_each = (
        select(results.setting_id, func.min(results.search_id).label("search_id"))
        .where(results.number > 0)
        .group_by(results.setting_id)
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
