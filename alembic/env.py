"""How Alembic reaches the database: through the connection of ``backprop_evo.store.migrations``, else by our
settings."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from backprop_evo.store.columns import UtcDateTime
from backprop_evo.store.engine import Database
from backprop_evo.store.tables import Base


def plain_types(kind: str, value: Any, _context: object) -> str | Literal[False]:
    """Revisions import nothing of ours: our own column type is written as the one under it."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(value, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Migrate inside the transaction that the connection is in."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=plain_types,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Take the connection we are given; the ``alembic`` command gives none."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        run(connection)
        return
    from backprop_evo.settings import settings

    database = Database(settings().resolved_database_url)
    try:
        with database.migrate() as own_connection:
            run(own_connection)
    finally:
        database.close()


main()
