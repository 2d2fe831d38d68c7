"""``backprop-evo db``: the database's schema, its backups, and its way to another database. Embedded mode
upgrades by itself; a cluster is upgraded by hand or by a job."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.settings import settings
from backprop_evo.store import backups, copying, migrations
from backprop_evo.store.engine import parse_url

app = typer.Typer(
    help="Look after the database: its schema, backups, a move to another one.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Replace = Annotated[bool, typer.Option("--replace", help="Delete what is there first, after asking.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]


@app.command()
def upgrade(
    revision: Annotated[str, typer.Argument(help="where to go; head is what this version needs")] = "head",
) -> None:
    """Bring the database up to a revision; safe to call from many machines at once."""
    reached = migrations.upgrade(settings().resolved_database_url, revision)
    typer.echo(f"{_shown(settings().resolved_database_url)}: revision {reached}")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="where to go; base drops everything")],
) -> None:
    """Take the database back to an earlier revision. What later revisions added is lost."""
    reached = migrations.downgrade(settings().resolved_database_url, revision)
    typer.echo(f"{_shown(settings().resolved_database_url)}: revision {reached or 'base'}")


@app.command(
    epilog="Examples: [bold]backprop-evo db current[/bold], [bold]backprop-evo db current --json[/bold]"
)
def current(as_json: AsJson = False) -> None:
    """Show the database's revision; exit code 1 when it is not what this version needs."""
    url = settings().resolved_database_url
    with copying.opened(url, may_be_new=True) as database:
        found = migrations.schema(database)
    if as_json:
        print_json(
            {
                "database": _shown(url),
                "revision": found.revision,
                "needed": migrations.head(),
                "age": found.age,
                "next_step": found.next_step,
            }
        )
    else:
        typer.echo(f"{_shown(url)}: {found.words}")
        if found.next_step:
            typer.echo(found.next_step)
    if found.age is not migrations.Age.CURRENT:
        raise typer.Exit(1)


@app.command(
    epilog="Examples: [bold]backprop-evo db backup evo.backup[/bold], "
    "[bold]backprop-evo db backup /backups/evo-$(date +%F).backup --json[/bold]"
)
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it.", dir_okay=False, metavar="FILE")],
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole database to one file, while everything runs. The file is a SQLite database with a
    manifest, whichever database it is of, and restores to either."""
    url = settings().resolved_database_url
    with _progress_bar() as report:
        manifest = backups.back_up(
            url,
            file,
            now=datetime.now(UTC),
            program=version("backprop-evo"),
            replace=replace,
            on_progress=report,
        )
    said = {"database": _shown(url), **_said(manifest, file), "bytes": file.stat().st_size}
    title = f"{file}: {said['bytes'] / 1e6:,.1f} MB, revision {manifest.revision}"
    _show_rows(said, manifest.rows, title, as_json=as_json)


@app.command(
    epilog="Examples: [bold]backprop-evo db restore evo.backup[/bold], "
    "[bold]backprop-evo db restore evo.backup --replace --yes[/bold]"
)
def restore(
    file: Annotated[
        Path, typer.Argument(help="What [bold]db backup[/bold] wrote.", dir_okay=False, metavar="FILE")
    ],
    replace: Replace = False,
    yes: Yes = False,
    upgrade_first: Annotated[
        bool, typer.Option("--upgrade", help="Take a backup of an older version, and upgrade what is in it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup back, into an empty database or with --replace. Refused while anybody works on it."""
    url = settings().resolved_database_url
    _ask_before_deleting(url, replace=replace, yes=yes)
    with _progress_bar() as report:
        manifest = backups.restore(
            file,
            url,
            now=datetime.now(UTC),
            silence_s=settings().lease_s,
            replace=replace,
            upgrade_first=upgrade_first,
            on_progress=report,
        )
    said = {"database": _shown(url), **_said(manifest, file)}
    title = f"{_shown(url)}: as it was at {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"
    _show_rows(said, manifest.rows, title, as_json=as_json)


@app.command(
    epilog="Example: [bold]backprop-evo db copy sqlite:////home/me/evo.sqlite "
    "postgresql://evo@db.example.org/evo[/bold] (passwords from ~/.pgpass or PGPASSWORD)"
)
def copy(
    source: Annotated[str, typer.Argument(help="Database to read; it may be in use.", metavar="FROM_URL")],
    target: Annotated[
        str, typer.Argument(help="Database to fill, migrated where it has no tables.", metavar="TO_URL")
    ],
    replace: Replace = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Copy everything to another database, and compare: from SQLite to PostgreSQL, or back. Searches go on
    there as they would have."""
    _ask_before_deleting(target, replace=replace, yes=yes)
    now = datetime.now(UTC)
    with _progress_bar() as report:
        copied = copying.copy_database(
            source,
            target,
            now=now,
            silence_s=settings().lease_s,
            replace=replace,
            on_progress=report,
        )
        alive = copying.who_works_on(source, now=now, silence_s=settings().lease_s)
    rows = {name: contents.rows for name, contents in copied.items()}
    said = {"from": _shown(source), "to": _shown(target), "in_use": alive}
    _show_rows(said, rows, f"{_shown(target)}: every row as in {_shown(source)}", as_json=as_json)
    if alive:
        Console(stderr=True, soft_wrap=True).print(
            f"The source is in use: {alive[0]}. What happens there from now on is not in the copy; stop it "
            "before the copy is used, or two services train the same searches.",
            style="yellow",
        )


@app.command()
def check() -> None:
    """For developers: the revisions must build exactly the tables in the code. Uses a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'check.sqlite'}"
        migrations.upgrade(url)
        migrations.check(url)


def _shown(url: str) -> str:
    return parse_url(url).render_as_string(hide_password=True)


def _ask_before_deleting(url: str, *, replace: bool, yes: bool) -> None:
    if not replace or yes:
        return
    held = copying.rows_in(url)
    if any(held.values()):
        searches, trials = held["searches"], held["trials"]
        typer.confirm(
            f"{_shown(url)} holds {searches:,} searches and evaluations with {trials:,} trials. Delete them?",
            abort=True,
            err=True,
        )


def _said(manifest: backups.Manifest, file: Path) -> dict[str, Any]:
    return {
        "file": str(file),
        "made_at": manifest.made_at.isoformat(),
        "program": manifest.program,
        "revision": manifest.revision,
    }


def _show_rows(said: Mapping[str, Any], rows: Mapping[str, int], title: str, *, as_json: bool) -> None:
    if as_json:
        print_json({**said, "rows": dict(rows)})
        return
    typer.echo(title)
    table = Table("table")
    table.add_column("rows", justify="right")
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    table.add_row("all", f"{sum(rows.values()):,}", style="bold")
    standard_output().print(table)


@contextmanager
def _progress_bar() -> Iterator[copying.Progress]:
    """On standard error, so that standard output stays clean for ``--json``."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task: list[TaskID] = []

        def report(step: str, done: int, total: int) -> None:
            if not task:
                task.append(bar.add_task(step))
            bar.update(task[0], description=step, completed=done, total=total)

        yield report
