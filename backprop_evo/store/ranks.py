"""Which rows of a leaderboard are ranked among each other, in which order, and which place a row has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, exists, false, func, select, tuple_

from backprop_evo.records.choosing import RowChoice
from backprop_evo.store.choosing import chosen_settings, first_found, written_so
from backprop_evo.store.tables import EQUATION_MARKS, LEADERBOARD

CONFIRMED, UNCONFIRMED = 0, 1
RANK_ORDER = (LEADERBOARD.c.tier, LEADERBOARD.c.rank_key, LEADERBOARD.c.search_id, LEADERBOARD.c.individual)
STARRED = select(EQUATION_MARKS.c.fingerprint).where(EQUATION_MARKS.c.starred)
HAS_SETTING = LEADERBOARD.c.setting_id > ""  # a process of an earlier version leaves it empty

Key = Sequence[ColumnElement[Any]]


def key_of(search_id: str | None) -> Key:
    """By what the rows of one search are sorted, or of all. Of one search all rows are ranked together, also
    where its confirmation trains longer."""
    return RANK_ORDER if search_id is not None else (LEADERBOARD.c.setting_id, *RANK_ORDER)


def scope_of(
    connection: Connection, search_id: str | None, setting_id: str | None, choice: RowChoice
) -> list[ColumnElement[bool]]:
    """The rankings that are looked at, whole."""
    if search_id is not None:
        scope = [LEADERBOARD.c.search_id == search_id]
    # Not both: SQLite would walk through all that have a setting, and sort those of this one.
    elif setting_id:
        scope = [LEADERBOARD.c.setting_id == setting_id]
    else:
        scope = [HAS_SETTING] if setting_id is None else [false()]
    if choice.chooses_settings:
        scope.append(LEADERBOARD.c.setting_id.in_(chosen_settings(connection, choice)))
    return scope


def first_rows(
    connection: Connection, whole: Sequence[ColumnElement[bool]], choice: RowChoice, key: Key, limit: int
) -> Sequence[Row[Any]]:
    """The first rows that are shown of the rankings, or of what is left of them."""

    def shown(source: FromClause) -> Select[Any]:
        order = [source.c[each.name] for each in key]
        return with_star(source).where(*chosen_within(source, choice)).order_by(*order)

    ordered = select(LEADERBOARD).where(*whole).order_by(*key)
    return first_found(connection, choice, ordered, shown, shown(LEADERBOARD).where(*whole), limit)


def with_star(source: FromClause) -> Select[Any]:
    """Each row with whether somebody starred its behaviour."""
    starred = exists().where(EQUATION_MARKS.c.fingerprint == source.c.fingerprint, EQUATION_MARKS.c.starred)
    return select(source, starred.label("starred"))


def chosen_within(source: FromClause, choice: RowChoice) -> list[ColumnElement[bool]]:
    """The rows of the leaderboard, or of a part of it, that are shown."""
    conditions = written_so(source, choice)
    if choice.confirmed is not None:
        conditions.append(source.c.tier == (CONFIRMED if choice.confirmed else UNCONFIRMED))
    if choice.starred is not None:
        stars = source.c.fingerprint.in_(STARRED)
        conditions.append(stars if choice.starred else ~stars)
    return conditions


def places_of(
    connection: Connection,
    scope: Sequence[ColumnElement[bool]],
    key: Key,
    rows: Sequence[Row[Any]],
    reached: tuple[object, ...] | None,
) -> Mapping[tuple[str, int], int]:
    """Who is left out keeps the rank: the place of each row, by search and individual, among all of its
    ranking that come after ``reached``. What comes after the last row is not read."""
    if not rows:
        return {}
    apart = None if len(key) == len(RANK_ORDER) else LEADERBOARD.c.setting_id
    place = func.row_number().over(partition_by=apart, order_by=RANK_ORDER).label("place")
    row_of = LEADERBOARD.c.search_id, LEADERBOARD.c.individual
    last = tuple(rows[-1]._mapping[each.name] for each in key)
    passed = select(*row_of, place).where(*scope, tuple_(*key) <= last)
    if reached is not None:
        passed = passed.where(tuple_(*key) > reached)
    counted = passed.subquery()
    shown = [(row.search_id, row.individual) for row in rows]
    query = select(counted).where(tuple_(counted.c.search_id, counted.c.individual).in_(shown))
    return {(each.search_id, each.individual): each.place for each in connection.execute(query)}
