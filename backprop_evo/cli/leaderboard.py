"""``backprop-evo leaderboard``: the best equations of one search, or of all."""

from __future__ import annotations

from typing import Annotated

import typer

from backprop_evo.cli.client import DEFAULT_URL, Client
from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import show
from backprop_evo.cli.tables import leaderboard_table

EPILOG = (
    "Examples: [bold]backprop-evo leaderboard[/bold], "
    "[bold]backprop-evo leaderboard 3f0a5c --limit 50 --json[/bold]"
)


def leaderboard(
    search_id: Annotated[str | None, typer.Argument(help="One search only.", metavar="[SEARCH]")] = None,
    limit: Annotated[int, typer.Option(help="So many rows.", min=1)] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Confirmed equations first; plain backprop is ranked among them."""
    path = f"/searches/{search_id}/leaderboard" if search_id else "/leaderboard"
    with Client(url, api_key=api_key) as client:
        rows = list(client.items(path, limit=limit))
    show(rows, leaderboard_table(rows), as_json=as_json)
