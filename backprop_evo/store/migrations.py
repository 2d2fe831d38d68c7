"""The schema's revisions: where the scripts are, and bringing a database to one of them.

The scripts live in ``alembic/`` at the top of a checkout; a wheel installs them under
``share/backprop-evo/alembic`` of the environment. ``alembic/`` is no package on purpose: it would shadow the
library of that name.
"""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, func, select

from backprop_evo.errors import BackpropEvoError, InvalidInput, Unavailable
from backprop_evo.store.engine import Database

# Any number that nothing else in the database locks; it is "bpem".
MIGRATION_LOCK = 0x6270_656D


@cache
def scripts() -> Path:
    """The folder with ``env.py`` and ``versions/``. Raises ``Unavailable`` when the installation lacks it."""
    package = Path(__file__).resolve().parents[1]
    places = (
        package.parent / "alembic",
        Path(sysconfig.get_path("data")) / "share" / "backprop-evo" / "alembic",
    )
    for place in places:
        if (place / "env.py").is_file():
            return place
    raise Unavailable(
        f"the migration scripts are in none of {', '.join(map(str, places))}",
        hint="install backprop-evo again",
    )


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


def is_current(database: Database) -> bool:
    """True when the database answers and its revision is the code's."""
    try:
        return current(database) == head()
    except Unavailable:
        return False


def upgrade(url: str, revision: str = "head") -> str | None:
    """Bring the database up to a revision, creating it where it is empty; the revision reached.

    Many processes may call this at once: one migrates, the others wait for it. Raises ``Unavailable``,
    ``InvalidInput``.
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
