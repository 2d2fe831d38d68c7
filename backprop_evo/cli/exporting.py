"""``backprop-evo search export``: leaderboard, trials or curves as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backprop_evo.cli.options import ApiKey, SearchId, Url
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.errors import InvalidInput

EPILOG = (
    "Examples: [bold]backprop-evo search export 3f0a5c trials -o trials.csv[/bold], "
    "[bold]backprop-evo search export 3f0a5c curves --state completed -o curves.parquet[/bold], "
    "[bold]backprop-evo search export 3f0a5c leaderboard --format jsonl[/bold]"
)
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}


def export(
    search_id: SearchId,
    table: Annotated[str, typer.Argument(help="leaderboard, trials or curves.")] = "leaderboard",
    format: Annotated[
        str | None,
        typer.Option("--format", help="csv, jsonl or parquet; by the ending of the file, or csv."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file, instead of standard output.", dir_okay=False),
    ] = None,
    state: Annotated[str | None, typer.Option(help="Trials in this state.")] = None,
    text: Annotated[str | None, typer.Option(help="Equations in which this stands.")] = None,
    component: Annotated[str | None, typer.Option(help="Equations with this operand or function.")] = None,
    sort: Annotated[str | None, typer.Option(help="Trials: newest, oldest, best or longest.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Take the leaderboard, the trials or their curves away as a file, however many there are."""
    chosen = format or SUFFIXES.get(output.suffix if output else "", "csv")
    wanted = {"format": chosen, "state": state, "text": text, "component": component, "sort": sort}
    path = f"/searches/{search_id}/tables/{table}"
    with Client(url, api_key=api_key) as client:
        if output is None:
            client.download(path, sys.stdout.buffer.write, **wanted)
            sys.stdout.buffer.flush()
            return
        # Only what came whole gets the name.
        part = output.with_name(f"{output.name}.part")
        try:
            with part.open("wb") as file:
                client.download(path, file.write, **wanted)
            part.replace(output)
        except OSError as error:
            raise InvalidInput(f"{output}: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
