"""``backprop-evo db``: the schema of the database. Embedded mode upgrades by itself; a cluster is upgraded by
hand or by a job."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from backprop_evo.settings import settings
from backprop_evo.store import migrations
from backprop_evo.store.engine import Database, parse_url

app = typer.Typer(help="Look after the schema of the database.", no_args_is_help=True)


@app.command()
def upgrade(
    revision: Annotated[str, typer.Argument(help="where to go; head is what this version needs")] = "head",
) -> None:
    """Bring the database up to a revision; safe to call from many machines at once."""
    reached = migrations.upgrade(settings().resolved_database_url, revision)
    typer.echo(f"{_shown_url()}: revision {reached}")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="where to go; base drops everything")],
) -> None:
    """Take the database back to an earlier revision. What later revisions added is lost."""
    reached = migrations.downgrade(settings().resolved_database_url, revision)
    typer.echo(f"{_shown_url()}: revision {reached or 'base'}")


@app.command()
def current() -> None:
    """Show the database's revision; exit code 1 when it is not what this version needs."""
    database = Database(settings().resolved_database_url)
    try:
        revision = migrations.current(database)
    finally:
        database.close()
    wanted = migrations.head()
    typer.echo(f"{_shown_url()}: revision {revision or 'none'}, needed: {wanted}")
    if revision != wanted:
        raise typer.Exit(1)


@app.command()
def check() -> None:
    """For developers: the revisions must build exactly the tables in the code. Uses a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'check.sqlite'}"
        migrations.upgrade(url)
        migrations.check(url)


def _shown_url() -> str:
    return parse_url(settings().resolved_database_url).render_as_string(hide_password=True)
