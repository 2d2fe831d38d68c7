"""Engines and transactions: SQLite in WAL mode with ``BEGIN IMMEDIATE``, or PostgreSQL through psycopg 3.

Measured with 16 processes × 100 claims on SQLite: rollback journal 604 of 1600 locked, WAL with deferred
transactions 854, WAL with ``BEGIN IMMEDIATE`` none. Engines belong to one process; open a store after a fork,
not before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
    NoSuchModuleError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from backprop_evo.errors import InvalidInput, InvalidSettings, Unavailable
from backprop_evo.store.acting import note_current_act
from backprop_evo.store.keyed import mark_current_request

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # In WAL mode a crash of the machine may lose the last commits, never the database: a trial is trained
    # again.
    "PRAGMA synchronous=NORMAL",
    # Milliseconds. A writer waits its turn; transactions here take milliseconds, so that ten seconds mean a
    # fault.
    "PRAGMA busy_timeout=10000",
    "PRAGMA foreign_keys=ON",
)

#: A connection that rested no longer is taken to live: where it does not, whoever uses it tries again.
ASK_AFTER_S = 5.0
RESTS_SINCE = "rests since"


def parse_url(text: str) -> sa.URL:
    """A SQLAlchemy URL for a database we support. Raises ``InvalidSettings``."""
    try:
        url = sa.make_url(text)
    except ArgumentError:
        raise _unsupported("it is no database URL") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise _unsupported(f"{url.get_backend_name()} is not supported")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise _unsupported("an in-memory SQLite database cannot be shared by processes")
    return url


def _unsupported(what: str) -> InvalidSettings:
    return InvalidSettings(
        f"database_url: {what}",
        field="database_url",
        hint="use sqlite:////absolute/path.sqlite or postgresql://user:password@host/database",
    )


class Database:
    """The engines of one process: one that writes, and for SQLite a second one that only reads."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        try:
            self.writer = (
                _sqlite_engine(self.url, reads_only=False) if self.is_sqlite else _postgres_engine(self.url)
            )
        except NoSuchModuleError as error:
            raise _unsupported(str(error)) from None
        # WAL lets readers go on beside a writer, but ``BEGIN IMMEDIATE`` makes every transaction a writer:
        # reading has an engine of its own.
        self.reader = (
            _sqlite_engine(self.url, reads_only=True) if self.is_sqlite else _without_begin(self.writer)
        )

    @property
    def shown_url(self) -> str:
        """For messages: without the password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write; rolled back when the block raises. Raises ``Unavailable``, and
        ``DuplicateRequest`` in the name of a request that was carried out before."""
        with _named_faults(self.url), self.writer.begin() as connection:
            # First in the transaction: of two requests under one key the second fails before it does
            # anything.
            marked = mark_current_request(connection)
            yield connection
            noted = note_current_act(connection)
        if marked is not None:
            marked.is_marked = True
        if noted is not None:
            noted.is_noted = True

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """One transaction that may rebuild tables. Raises ``Unavailable``.

        SQLite rebuilds a table by dropping its old form, which deletes every row that refers to it unless
        foreign keys are off, and inside a transaction they cannot be switched.
        """
        with _named_faults(self.url), self.writer.connect() as connection:
            self._enforce_foreign_keys(connection, on=False)
            try:
                with connection.begin():
                    yield connection
            finally:
                self._enforce_foreign_keys(connection, on=True)

    def _enforce_foreign_keys(self, connection: Connection, *, on: bool) -> None:
        if self.is_sqlite:  # past SQLAlchemy, which would begin a transaction
            connection.connection.cursor().execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """For statements that only read. On SQLite all of them see one state of the database; on PostgreSQL
        each sees what is committed when it begins, and ``snapshot`` is for those that must agree."""
        with _named_faults(self.url), self.reader.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One transaction that reads everything as it was at its first statement, however long it takes and
        whatever is committed meanwhile. Raises ``Unavailable``."""
        if self.is_sqlite:  # whose transactions are all like that
            with self.read() as connection:
                yield connection
            return
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with _named_faults(self.url), self.reader.connect().execution_options(**options) as connection:
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.writer.dispose()
        self.reader.dispose()


@contextmanager
def _named_faults(url: sa.URL) -> Iterator[None]:
    try:
        yield
    except IntegrityError:  # about the rows, not about the database
        raise
    # What looks at a request first lets none of these through that is known; the rest is refused here.
    except (DataError, OverflowError, UnicodeEncodeError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise InvalidInput(f"no database can hold a value of this request: {reason}") from error
    except (DBAPIError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise Unavailable(
            f"database {url.render_as_string(hide_password=True)}: {reason}",
            hint="check that it runs, has room on its disk and is migrated (backprop-evo db upgrade)",
        ) from error


def _sqlite_engine(url: sa.URL, *, reads_only: bool) -> Engine:
    Path(str(url.database)).expanduser().parent.mkdir(parents=True, exist_ok=True)
    # Connections to SQLite are cheap, and 64 threads (the API's pool is 40) never wait for one.
    engine = sa.create_engine(url, pool_size=8, max_overflow=56, pool_timeout=30)

    def connect(connection: Any, _record: object) -> None:
        # sqlite3 begins transactions by itself, and too late: the lock has to be asked for at BEGIN.
        connection.isolation_level = None
        for pragma in (*SQLITE_PRAGMAS, *(("PRAGMA query_only=ON",) if reads_only else ())):
            connection.execute(pragma)

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
    return engine


def _postgres_engine(url: sa.URL) -> Engine:
    # A server has 100 connections by default, to be shared by API, controller and every slot.
    engine = sa.create_engine(url, pool_size=8, max_overflow=24, pool_timeout=30)

    def connect(connection: Any, _record: object) -> None:
        # Statements here take milliseconds; a server that compiles those which it guesses to be dear takes
        # longer for the compiling. Not an option of the connection: poolers in between refuse those.
        connection.execute("SET jit = off")
        connection.commit()

    event.listen(engine, "connect", connect)
    _ask_after_rest(engine)
    return engine


def _ask_after_rest(engine: Engine) -> None:
    """What lay in the pool for a while is asked whether it still lives, and a dead connection replaced before
    it is used, with all that are as old. Asked each time, it would be a journey more for every read."""

    def rests(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[RESTS_SINCE] = time.monotonic()

    def is_used(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        rested_s = time.monotonic() - record.info.get(RESTS_SINCE, time.monotonic())
        try:
            if rested_s > ASK_AFTER_S:
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", rests)
    event.listen(engine, "checkout", is_used)


def _without_begin(engine: Engine) -> Engine:
    """The same pool, each statement a transaction of its own.

    At READ COMMITTED a transaction that only reads promises no more than that, and costs two journeys to the
    server.
    """
    return engine.execution_options(isolation_level="AUTOCOMMIT")
