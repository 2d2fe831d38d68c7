"""The schema's revisions: where the scripts are, and bringing a database to one of them.

The scripts live in ``alembic/`` at the top of a checkout; a wheel installs them under
``share/backprop-evo/alembic``, and its record of files says where that is. ``alembic/`` is no package on
purpose: it would shadow the library of that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import metadata
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, func, select

from backprop_evo.errors import BackpropEvoError, Conflict, InvalidInput, Unavailable
from backprop_evo.store.engine import Database

# Any number that nothing else in the database locks; it is "bpem".
MIGRATION_LOCK = 0x6270_656D


@cache
def scripts() -> Path:
    """The folder with ``env.py`` and ``versions/``. Raises ``Unavailable`` when the installation lacks it."""
    package = Path(__file__).resolve().parents[1]
    places = (package.parent / "alembic", *_installed_scripts())
    for place in places:
        if (place / "env.py").is_file():
            return place
    raise Unavailable(
        f"the migration scripts are in none of {', '.join(map(str, places))}",
        hint="install backprop-evo again",
    )


def _installed_scripts() -> Iterator[Path]:
    """Where the wheel's record of files says that they lie: a path of the interpreter's would be another one
    for an installation of one user's."""
    try:
        files = metadata.files("backprop-evo") or ()
    except metadata.PackageNotFoundError:
        return
    for file in files:
        if file.parts[-3:] == ("backprop-evo", "alembic", "env.py"):
            yield Path(str(file.locate())).resolve().parent


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # Alembic's configuration interpolates percent signs.
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


@cache
def head() -> str:
    """The revision that this code was written for."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(database: Database) -> str | None:
    """The revision of a database; None for an empty one. Raises ``Unavailable``."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def _known() -> frozenset[str]:
    return frozenset(
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions("base", "heads")
    )


class Age(StrEnum):
    """A schema beside the one that this version of the program needs."""

    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Schema:
    """The revision of a database or a backup; None where it has no tables of ours."""

    revision: str | None

    @property
    def age(self) -> Age:
        """Revisions that this version does not know are newer ones: none was ever taken away."""
        if self.revision is None:
            return Age.NONE
        if self.revision == head():
            return Age.CURRENT
        return Age.OLDER if self.revision in _known() else Age.NEWER

    @property
    def words(self) -> str:
        """What it is, for people."""
        return {
            Age.CURRENT: f"revision {self.revision}, which this version needs",
            Age.OLDER: f"revision {self.revision}, older than this version, which needs {head()}",
            Age.NEWER: f"revision {self.revision}, newer than this version, which knows none after {head()}",
            Age.NONE: f"no tables yet; this version needs revision {head()}",
        }[self.age]

    @property
    def next_step(self) -> str | None:
        """What to do about a database that has it; None where nothing is to be done."""
        return {
            Age.CURRENT: None,
            Age.OLDER: "stop what runs on it, `backprop-evo db backup FILE`, then `backprop-evo db upgrade`",
            Age.NEWER: "install the version of backprop-evo that wrote it, or a newer one",
            Age.NONE: "`backprop-evo db upgrade` makes them",
        }[self.age]


def schema(database: Database) -> Schema:
    """Of a database, as it is now. Raises ``Unavailable``."""
    return Schema(current(database))


def check_schema(found: Schema, what: str, *allowed: Age) -> None:
    """Raises ``Conflict`` unless the schema of ``what`` is current, or of another age that is allowed."""
    if found.age not in (Age.CURRENT, *allowed):
        raise Conflict(f"{what}: {found.words}", hint=found.next_step)


def is_current(database: Database) -> bool:
    """True when the database answers and its revision is the code's."""
    try:
        return schema(database).age is Age.CURRENT
    except Unavailable:
        return False


def upgrade(url: str, revision: str = "head") -> str | None:
    """Bring the database up to a revision, creating it where it is empty; the revision reached.

    Many processes may call this at once: one migrates, the others wait for it. Raises ``Unavailable``,
    ``InvalidInput``, and ``Conflict`` for a database of a newer version.
    """
    return _migrate(url, revision, down=False)


def downgrade(url: str, revision: str) -> str | None:
    """Take the database back to an earlier revision (``base``: to nothing); the revision reached."""
    return _migrate(url, revision, down=True)


def _migrate(url: str, revision: str, *, down: bool) -> str | None:
    database = Database(url)
    try:
        with database.migrate() as connection:
            if connection.dialect.name == "postgresql":
                # SQLite needs none: its ``BEGIN IMMEDIATE`` lets one in at a time.
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            found = Schema(MigrationContext.configure(connection).get_current_revision())
            check_schema(found, database.shown_url, Age.OLDER, Age.NONE)
            try:
                (command.downgrade if down else command.upgrade)(_config(connection), revision)
            except CommandError as error:
                raise InvalidInput(
                    f"revision {revision!r}: {error}", hint="backprop-evo db current"
                ) from None
        return current(database)
    finally:
        database.close()


def check(url: str) -> None:
    """Raises ``BackpropEvoError`` when the tables in the code differ from what the revisions build."""
    database = Database(url)
    try:
        with database.write() as connection:
            command.check(_config(connection))
    except CommandError as error:
        raise BackpropEvoError(
            f"the revisions lag behind store/tables.py: {error}", hint="add a revision under alembic/versions"
        ) from None
    finally:
        database.close()
