"""The command line. Commands are mounted here, errors end here; what a command does stands in the module of
its name.

This package starts processes and speaks REST. It imports neither ``api`` nor ``workers``, and torch only in
``train``.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from backprop_evo.cli import (
    audit,
    data,
    db,
    demo,
    discover,
    doctor,
    equation,
    equation_marks,
    evaluate,
    keys,
    leaderboard,
    nodes,
    processes,
    search,
    sequence,
    side_by_side,
    train,
    transfer,
    trial,
    up,
    webhooks,
)
from backprop_evo.cli.errors import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    name="backprop-evo",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="An evolutionary search for backpropagation update equations.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"backprop-evo {version('backprop-evo')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """An evolutionary search for backpropagation update equations."""


app.command("up", epilog=up.EPILOG)(up.up)
app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.command("discover", epilog=discover.EPILOG)(discover.discover)
app.add_typer(search.app, name="search")
evaluate.app.command("transfer", epilog=transfer.EPILOG)(transfer.transfer)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(trial.app, name="trial")
app.command("leaderboard", epilog=leaderboard.EPILOG)(leaderboard.leaderboard)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.command("train", epilog=train.EPILOG)(train.train)
app.command("sequence", epilog=sequence.EPILOG)(sequence.sequence)
app.add_typer(data.app, name="data")
app.add_typer(db.app, name="db")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.command("audit", epilog=audit.EPILOG)(audit.audit)
app.command("api")(processes.api)
app.command("controller")(processes.controller)
app.command("node")(processes.node)
app.add_typer(nodes.app, name="nodes")
equation.app.command("mark", epilog=equation_marks.EPILOG)(equation_marks.mark)
equation.app.command("compare", epilog=side_by_side.EPILOG)(side_by_side.compare)
app.add_typer(equation.app, name="equation")
