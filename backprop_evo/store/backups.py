"""Backups: one file that is a whole SQLite database, wherever the rows came from.

It needs no tool of a server's version, restores to either database, can be looked into by anything that reads
SQLite, and says what it is: a manifest with the revision, and a count and a digest of every table, by which a
torn or changed file is known.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from backprop_evo.errors import BackpropEvoError, Conflict, InvalidInput, NotFound, Unavailable
from backprop_evo.store.copying import (
    Contents,
    Progress,
    contents_of,
    copy_rows,
    fill,
    opened,
    tables_of,
    unheard,
)
from backprop_evo.store.engine import Database
from backprop_evo.store.migrations import Age, Schema, check_schema, schema, upgrade

FORM = 1
"""Of the manifest; a later one may say more."""

MANIFEST = "backup_manifest"
"""The one table that a backup has beside those of its database: one row, one JSON text."""

SQLITE_HEADER = b"SQLite format 3\0"

#: Of a SQLite page at a time, between two reports of progress: some ten megabytes.
BATCH_PAGES = 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself. ``program`` is the version that wrote it, ``source`` the kind of database
    that it is of."""

    made_at: datetime
    program: str
    source: str
    revision: str
    tables: dict[str, Contents]

    @property
    def rows(self) -> dict[str, int]:
        """By table."""
        return {name: contents.rows for name, contents in self.tables.items()}


def back_up(
    url: str,
    file: Path,
    *,
    now: datetime,
    program: str,
    replace: bool = False,
    on_progress: Progress = unheard,
) -> Manifest:
    """Write everything that the database holds at one moment to a file, while anything may go on in it.

    A database of an older revision keeps it: an upgrade begins with a backup. The file has its name only when
    it is whole and on the disk. Raises ``NotFound`` for no database, ``Conflict`` for a schema of a newer
    version or a file that is there (unless ``replace``), ``Unavailable`` for a disk or a server that refuses.
    """
    with opened(url) as database:
        found = schema(database)
        check_schema(found, database.shown_url, Age.OLDER)
        _check_place(database, file, replace=replace)
        part = file.with_name(f"{file.name}.part")
        try:
            part.unlink(missing_ok=True)
            if database.is_sqlite:
                _copy_pages(database, part, on_progress)
            else:
                _copy_from_server(database, part, found, on_progress)
            manifest = _write_manifest(part, database, now, program, on_progress)
            _keep(part, file)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(
                f"cannot write {file}: {error}", hint="check free disk space and file rights"
            ) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    return manifest


def _check_place(database: Database, file: Path, *, replace: bool) -> None:
    if database.is_sqlite and file.resolve() == Path(str(database.url.database)).resolve():
        raise Conflict(f"{file} is the database itself", hint="name another file")
    if file.exists() and not replace:
        raise Conflict(f"{file} is there already", hint="name another file, or add --replace")


def _copy_pages(database: Database, part: Path, on_progress: Progress) -> None:
    """By SQLite's backup interface, which takes what is still in the write-ahead log along."""
    with closing(sqlite3.connect(part)) as target, database.read() as connection:
        # The transaction's first read: from here on its pages stand still, and the copy need not begin anew
        # with every commit.
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(
            target,
            pages=BATCH_PAGES,
            progress=lambda _status, left, total: on_progress("copying pages", total - left, total),
        )


def _copy_from_server(database: Database, part: Path, found: Schema, on_progress: Progress) -> None:
    """Into a new SQLite database of the same revision."""
    url = sa.URL.create("sqlite", database=str(part)).render_as_string()
    upgrade(url, str(found.revision))
    with opened(url) as target, database.snapshot() as source, target.write() as connection:
        copy_rows(source, connection, tables_of(connection, found.revision), on_progress)


def _write_manifest(
    part: Path, database: Database, now: datetime, program: str, on_progress: Progress
) -> Manifest:
    with closing(sqlite3.connect(part, isolation_level=None)) as raw:
        # No companions: one file is the whole, and can be read where nothing can be written.
        raw.execute("PRAGMA journal_mode=DELETE")
        (sound,) = raw.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise BackpropEvoError(
            f"the database is damaged: {sound}",
            hint="restore its last backup into a new file; `sqlite3 FILE .recover` may save more of this one",
        )
    with _reading(part) as connection:
        revision = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
        tables = contents_of(connection, tables_of(connection, revision), "counting", on_progress)
    manifest = Manifest(
        made_at=now,
        program=program,
        source=database.url.get_backend_name(),
        revision=revision,
        tables=tables,
    )
    text = json.dumps({"form": FORM, **asdict(manifest)}, default=datetime.isoformat)
    with closing(sqlite3.connect(part)) as raw:
        raw.execute(f"CREATE TABLE {MANIFEST} (document TEXT NOT NULL)")
        raw.execute(f"INSERT INTO {MANIFEST} VALUES (?)", (text,))
        raw.commit()
    return manifest


def _keep(part: Path, file: Path) -> None:
    """Under its name, and safe from a loss of power."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(file)
    folder = os.open(file.resolve().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def verify(file: Path, on_progress: Progress = unheard) -> Manifest:
    """Read a backup from its first to its last row. Raises ``NotFound``, and ``InvalidInput`` for a file that
    is no backup, or one that is torn or was changed."""
    if not file.is_file():
        raise NotFound(f"{file}: there is no such file", hint="check the path")
    with file.open("rb") as opened_file:
        if opened_file.read(len(SQLITE_HEADER)) != SQLITE_HEADER:
            raise InvalidInput(
                f"{file} is no backup: it is no SQLite database at all",
                hint="name a file that `backprop-evo db backup` wrote",
            )
    with _named_damage(file), _reading(file) as connection:
        manifest = _read_manifest(file, connection)
        if Schema(manifest.revision).age is Age.NEWER:
            return manifest  # whose tables this version may not know how to read
        found = contents_of(
            connection,
            [table for table in tables_of(connection, manifest.revision) if table.name != MANIFEST],
            "verifying",
            on_progress,
        )
    wrong = sorted({name for name in manifest.tables | found if manifest.tables.get(name) != found.get(name)})
    if wrong:
        raise _damaged(file, f"{', '.join(wrong)} not as the manifest says")
    return manifest


def _read_manifest(file: Path, connection: Connection) -> Manifest:
    if not sa.inspect(connection).has_table(MANIFEST):
        raise InvalidInput(
            f"{file} is no backup: it is a SQLite database without a manifest",
            hint="a database of this program is copied by `backprop-evo db copy sqlite:///FILE TO_URL`",
        )
    document = json.loads(connection.exec_driver_sql(f"SELECT document FROM {MANIFEST}").scalar_one())
    if document.pop("form") != FORM:
        raise InvalidInput(
            f"{file} is a backup of a form that this version does not know",
            hint="install the version of backprop-evo that wrote it, or a newer one",
        )
    tables = {name: Contents(**said) for name, said in document.pop("tables").items()}
    return Manifest(**{**document, "made_at": datetime.fromisoformat(document["made_at"])}, tables=tables)


def restore(
    file: Path,
    url: str,
    *,
    now: datetime,
    silence_s: float,
    replace: bool = False,
    upgrade_first: bool = False,
    on_progress: Progress = unheard,
) -> Manifest:
    """Everything in a backup, in place of everything in the database; what was restored, by the manifest.

    Nothing is touched before the whole file was read and found right, and then in one transaction. A backup
    of an older revision is restored only with ``upgrade_first``, which upgrades a copy of it. Raises as
    ``verify`` and ``copying.fill`` do, and ``Conflict`` for a backup of a newer or older revision.
    """
    manifest = verify(file, on_progress)
    found = Schema(manifest.revision)
    if found.age is Age.OLDER and not upgrade_first:
        raise Conflict(f"{file}: {found.words}", hint="--upgrade restores it and upgrades what is restored")
    check_schema(found, str(file), Age.OLDER)
    with (
        _of_this_revision(file, found) as current_file,
        _reading(current_file) as source,
        opened(url, may_be_new=True) as target,
    ):
        fill(source, target, now=now, silence_s=silence_s, replace=replace, on_progress=on_progress)
    return manifest


@contextmanager
def _of_this_revision(file: Path, found: Schema) -> Iterator[Path]:
    if found.age is Age.CURRENT:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="backprop-evo-restore-") as folder:
        copy = Path(folder) / "upgraded.sqlite"
        shutil.copyfile(file, copy)
        upgrade(sa.URL.create("sqlite", database=str(copy)).render_as_string())
        yield copy


@contextmanager
def _reading(file: Path) -> Iterator[Connection]:
    """Of a file that nobody writes: not even its folder need be writable."""
    address = f"file:{quote(str(file.resolve()))}?mode=ro&immutable=1"
    engine = sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=sa.NullPool
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _named_damage(file: Path) -> Iterator[None]:
    try:
        yield
    # What comes of bytes that are not what was written, in SQLite, in a time, in JSON, in the manifest.
    except (SQLAlchemyError, sqlite3.Error, ValueError, TypeError, KeyError, OverflowError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise _damaged(file, reason[0] if reason else type(error).__name__) from error


def _damaged(file: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{file} is torn or was changed since it was written: {reason}",
        hint="nothing was restored; take another backup, or fetch this one again from where it is kept",
    )
