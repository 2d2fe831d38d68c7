"""``backprop-evo equation mark``: star an equation, or note something of it, in a service."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import show
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.errors import InvalidInput
from backprop_evo.wording import UNKNOWN

EPILOG = (
    "Examples: [bold]backprop-evo equation mark 2-a02f1b2e --star[/bold], "
    "[bold]backprop-evo equation mark 2-a02f1b2e --note 'for section 4'[/bold]"
)


def mark(
    fingerprint: Annotated[str, typer.Argument(help="Of its behaviour, from a leaderboard.")],
    star: Annotated[bool | None, typer.Option("--star/--no-star", help="Whether it has a star.")] = None,
    note: Annotated[str | None, typer.Option(help="A text of yours. '' takes it off.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Star an equation, or note something of it: seen by everybody, in whatever search it was trained."""
    wanted = {"starred": star, "note": note}
    body = {name: value for name, value in wanted.items() if value is not None}
    if not body:
        raise InvalidInput("nothing is to be changed", hint="give --star, --no-star or --note")
    with Client(url, api_key=api_key) as client:
        marks = client.patch(f"/equations/{fingerprint}", body)
    show(marks, _table(marks), as_json=as_json)


def _table(marks: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("fingerprint", marks["fingerprint"])
    table.add_row("starred", "yes" if marks["starred"] else "no")
    table.add_row("note", Text(marks["note"] or UNKNOWN))
    return table
