"""Every row from one database to another, in one transaction on each side, counted and compared: between
SQLite and PostgreSQL, or between two of a kind.

Rows keep their keys, and the databases number on after the greatest, so that a search that is copied in its
middle goes on as it would have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, Row, Table, delete, event, func, insert, select
from sqlalchemy.exc import IntegrityError

from backprop_evo.errors import BackpropEvoError, Conflict, InvalidInput, NotFound
from backprop_evo.store.columns import UtcDateTime
from backprop_evo.store.engine import Database
from backprop_evo.store.migrations import Age, check_schema, head, schema, upgrade
from backprop_evo.store.signs_of_life import refuse_while_in_use, signs_of_life
from backprop_evo.store.tables import Base

#: Rows held in memory at a time; a result with its curve has some ten kilobytes.
BATCH_ROWS = 500

VERSION_TABLE = "alembic_version"

Progress = Callable[[str, int, int], None]
"""Hears, again and again: what is done, how much of it is done, and how much there is in all."""


def unheard(_step: str, _done: int, _total: int) -> None:
    """For who asks for no progress."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a table holds: the number of its rows, and a digest that is the same in whatever order and from
    whichever database they are read."""

    rows: int
    digest: str


class _Digest:
    """Grows by batches. The sum of the rows' hashes knows no order, which databases differ in for texts."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, 0

    def add(self, rows: Sequence[Row[Any]]) -> None:
        self.rows += len(rows)
        for row in rows:
            text = json.dumps(list(row), ensure_ascii=True, default=datetime.isoformat)
            self._sum += int.from_bytes(hashlib.sha256(text.encode()).digest())

    @property
    def contents(self) -> Contents:
        return Contents(self.rows, f"{self._sum % 2**256:064x}")


def tables_of(connection: Connection, revision: str | None) -> Sequence[Table]:
    """Ours at a revision, none before those that it refers to; an older revision's are read from a database
    that has no others."""
    if revision == head():
        return Base.metadata.sorted_tables
    metadata = MetaData()

    # A column without a zone would give other times than ours, which know theirs.
    @event.listens_for(metadata, "column_reflect")
    def keep_zones(_inspector: object, _table: object, column: dict[str, Any]) -> None:
        if isinstance(column["type"], sa.DateTime):
            column["type"] = UtcDateTime()

    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != VERSION_TABLE]


def count_rows(connection: Connection, tables: Sequence[Table]) -> dict[str, int]:
    """By table."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables
    }


def contents_of(
    connection: Connection, tables: Sequence[Table], step: str, on_progress: Progress = unheard
) -> dict[str, Contents]:
    """Of every table, by reading every row; ``step`` is what progress is called."""
    return {
        table.name: _each_batch(connection, table, step, on_progress, lambda _rows: None) for table in tables
    }


def copy_rows(
    source: Connection, target: Connection, tables: Sequence[Table], on_progress: Progress = unheard
) -> dict[str, Contents]:
    """Into tables that are empty; what was read. Raises ``BackpropEvoError`` when the target then holds
    anything else, so that its transaction is rolled back."""

    def write(table: Table) -> Callable[[Sequence[Row[Any]]], object]:
        return lambda rows: target.execute(insert(table), [dict(row._mapping) for row in rows])

    try:
        copied = {
            table.name: _each_batch(source, table, "copying", on_progress, write(table)) for table in tables
        }
    except IntegrityError as error:
        raise BackpropEvoError(
            f"a row was refused: {str(error.orig).strip().splitlines()[0]}; nothing was kept",
            hint="the source holds what its own constraints forbid: was it changed by hand?",
        ) from error
    found = contents_of(target, tables, "comparing", on_progress)
    wrong = sorted(name for name in copied if copied[name] != found[name])
    if wrong:
        raise BackpropEvoError(
            f"what was written to {', '.join(wrong)} is not what was read; nothing was kept",
            hint="check the disks of both databases, and that nothing else writes to the target",
        )
    return copied


def _each_batch(
    connection: Connection,
    table: Table,
    step: str,
    on_progress: Progress,
    act: Callable[[Sequence[Row[Any]]], object],
) -> Contents:
    digest = _Digest()
    total = count_rows(connection, [table])[table.name]
    on_progress(f"{step} {table.name}", 0, total)
    with connection.execute(select(table).execution_options(yield_per=BATCH_ROWS)) as result:
        for rows in result.partitions():
            act(rows)
            digest.add(rows)
            on_progress(f"{step} {table.name}", digest.rows, total)
    return digest.contents


def fill(
    source: Connection,
    target: Database,
    *,
    now: datetime,
    silence_s: float,
    replace: bool,
    on_progress: Progress = unheard,
) -> dict[str, Contents]:
    """Everything of the source, which is of this version's revision, in place of everything in the target.

    One transaction: whatever goes wrong, the target stays what it was. Raises ``Conflict`` where somebody
    works on the target, its schema is of another version, or it holds rows and ``replace`` is false.
    """
    check_schema(schema(target), target.shown_url, Age.NONE)
    upgrade(target.url.render_as_string(hide_password=False))
    tables = tables_of(source, head())
    with target.write() as connection:
        # SQLite lets one writer in at a time by itself.
        if not target.is_sqlite:
            names = ", ".join(table.name for table in tables)
            connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
        refuse_while_in_use(connection, target.shown_url, now=now, silence_s=silence_s)
        held = sum(count_rows(connection, tables).values())
        if held and not replace:
            raise Conflict(
                f"{target.shown_url} is not empty: it holds {held:,} rows",
                hint="--replace deletes them first; or name an empty database",
            )
        for table in reversed(tables):
            connection.execute(delete(table))
        copied = copy_rows(source, connection, tables, on_progress)
        _number_on(connection, tables)
    return copied


def _number_on(connection: Connection, tables: Sequence[Table]) -> None:
    """PostgreSQL's sequences know nothing of rows that came with their keys; SQLite looks at the rows. None
    is ever set back, not even where rows were deleted: who listens to events resumes after a number."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        key = table.autoincrement_column
        if key is None:
            continue
        sequence = select(func.pg_get_serial_sequence(table.name, key.name)).scalar_subquery()
        greatest = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
        connection.execute(
            select(func.setval(sequence, func.greatest(func.nextval(sequence), greatest), False))
        )


def copy_database(
    source_url: str,
    target_url: str,
    *,
    now: datetime,
    silence_s: float,
    replace: bool = False,
    on_progress: Progress = unheard,
) -> dict[str, Contents]:
    """The whole of one database, as it is at one moment, to another one, which may be anything that we can
    use and is migrated where it has no tables yet. The source may be in use.

    Raises ``InvalidInput`` for one database named twice, ``NotFound`` for a source that is not there,
    ``Conflict`` as ``fill`` does and for a source whose schema is of another version, ``Unavailable``.
    """
    with opened(source_url) as source, opened(target_url, may_be_new=True) as target:
        if _place(source) == _place(target):
            raise InvalidInput(f"{source.shown_url} and {target.shown_url} are one database")
        check_schema(schema(source), source.shown_url)
        with source.snapshot() as reading:
            return fill(
                reading, target, now=now, silence_s=silence_s, replace=replace, on_progress=on_progress
            )


def rows_in(url: str) -> dict[str, int]:
    """How many rows each table holds; nothing where there are no tables of this version's."""
    with opened(url, may_be_new=True) as database:
        if schema(database).age is not Age.CURRENT:
            return {}
        with database.read() as connection:
            return count_rows(connection, tables_of(connection, head()))


def who_works_on(url: str, *, now: datetime, silence_s: float) -> list[str]:
    """Those who left a sign of life in a database of this version's schema, in words."""
    with opened(url) as database, database.read() as connection:
        return list(signs_of_life(connection, now=now, silence_s=silence_s))


@contextmanager
def opened(url: str, *, may_be_new: bool = False) -> Iterator[Database]:
    """A database, closed after the block. Raises ``NotFound`` for a SQLite file that is not there, which
    opening would make, unless it ``may_be_new``."""
    database = Database(url)
    try:
        if database.is_sqlite and not may_be_new and not Path(str(database.url.database)).is_file():
            raise NotFound(f"{database.shown_url}: there is no such file", hint="check the path")
        yield database
    finally:
        database.close()


def _place(database: Database) -> object:
    """What two URLs of one database have in common, however they spell it."""
    url = database.url
    if database.is_sqlite:
        return Path(str(url.database)).resolve()
    return (url.host, url.port or 5432, url.database, url.query.get("host"))
