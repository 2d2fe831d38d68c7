"""A PostgreSQL database that one test after the other finds as new: to make one takes much longer than to
delete the few rows of a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

OF_TABLES = "relnamespace = 'public'::regnamespace"

SHAPE = f"""
WITH tables AS (SELECT * FROM pg_class WHERE {OF_TABLES}),
     columns AS (
         SELECT pg_attribute.* FROM pg_attribute JOIN tables ON tables.oid = attrelid WHERE attnum > 0
     ),
     told AS (
         SELECT concat_ws(' ', oid, relfilenode, relname, relnatts, reltuples, reloptions) AS words
         FROM tables
         UNION ALL SELECT concat_ws(' ', attrelid, attnum, attname, atttypid, attnotnull) FROM columns
         UNION ALL SELECT concat_ws(' ', 'constraint', oid, conname) FROM pg_constraint
         UNION ALL SELECT concat_ws(' ', 'trigger', oid, tgenabled) FROM pg_trigger
         UNION ALL SELECT concat_ws(' ', 'function', oid) FROM pg_proc
         UNION ALL SELECT concat_ws(' ', 'schema', oid) FROM pg_namespace
         UNION ALL SELECT concat_ws(' ', setdatabase, setrole, setconfig) FROM pg_db_role_setting
         UNION ALL SELECT concat_ws(' ', 'revision', version_num) FROM alembic_version
     )
SELECT md5(string_agg(words, ',' ORDER BY words)) FROM told
"""
"""What a test may have changed beside rows, in one word; how many rows the planner believes in, too."""

GROWN_BYTES = 2**20
"""Deleted rows take their place until somebody cleans up, and plans depend on it."""


@dataclass
class ReusedDatabase:
    """``make`` gives the URL of a new one, made where there is none or where a test left another shape."""

    make: Callable[[], str]
    _url: str = ""
    _shape: str = ""
    _bytes: int = 0

    def url(self) -> str:
        """Of a database without rows."""
        if not self._url:
            self._url = self.make()
            with administrator_of(self._url) as administrator:
                self._shape, self._bytes = _shape(administrator), _size(administrator)
        return self._url

    def clear(self) -> None:
        """Whoever is still connected is thrown out; rows go, and numbers begin at one again."""
        with administrator_of(self._url) as administrator:
            administrator.exec_driver_sql(OTHERS_LEAVE)
            is_as_new = (
                _shape(administrator) == self._shape and _size(administrator) < self._bytes + GROWN_BYTES
            )
            if is_as_new:
                administrator.exec_driver_sql(EMPTIED)
        if not is_as_new:
            self.drop()

    def drop(self) -> None:
        """The next test makes its own."""
        if self._url:
            url, self._url = sa.make_url(self._url), ""
            with administrator_of(url.set(database="postgres").render_as_string(False)) as administrator:
                administrator.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")


OTHERS_LEAVE = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

EMPTIED = f"""
DO $$
DECLARE name text;
BEGIN
    -- Foreign keys are not looked at: everything goes.
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT quote_ident(relname) FROM pg_class
        WHERE {OF_TABLES} AND relkind = 'r' AND relname <> 'alembic_version'
    LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    FOR name IN SELECT quote_ident(relname) FROM pg_class WHERE {OF_TABLES} AND relkind = 'S'
    LOOP
        PERFORM setval(name::regclass, 1, false);
    END LOOP;
END $$
"""


def _shape(administrator: sa.Connection) -> str:
    return str(administrator.exec_driver_sql(SHAPE).scalar_one())


def _size(administrator: sa.Connection) -> int:
    """Bytes of its tables and indices."""
    query = f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND {OF_TABLES}"
    return int(administrator.exec_driver_sql(query).scalar_one())


@contextmanager
def administrator_of(url: str) -> Iterator[sa.Connection]:
    """A connection outside of transactions."""
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
