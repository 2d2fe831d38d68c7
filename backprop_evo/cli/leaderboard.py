"""``backprop-evo leaderboard``: the best equations of one search, or of all, each setting for itself."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import print_json, show, standard_output
from backprop_evo.cli.tables import leaderboard_table, setting_line, settings_table
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.errors import InvalidInput

EPILOG = (
    "Examples: [bold]backprop-evo leaderboard[/bold], "
    "[bold]backprop-evo leaderboard 3f0a5c --limit 50 --json[/bold], "
    "[bold]backprop-evo leaderboard --starred[/bold], [bold]backprop-evo leaderboard --settings[/bold], "
    "[bold]backprop-evo leaderboard --setting 2b1f9c0d7e4a[/bold]"
)
MAX_SETTINGS = 1000

Json = dict[str, Any]


def leaderboard(
    search_id: Annotated[str | None, typer.Argument(help="One search only.", metavar="[SEARCH]")] = None,
    setting: Annotated[str | None, typer.Option(help="One setting only, by its id.", metavar="ID")] = None,
    settings: Annotated[
        bool, typer.Option("--settings", help="The settings that have results, instead of rows.")
    ] = False,
    starred: Annotated[bool, typer.Option("--starred", help="Only those that somebody starred.")] = False,
    limit: Annotated[int, typer.Option(help="So many rows, of each setting.", min=1)] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Confirmed equations first; plain backprop is ranked among them.

    Over all searches each setting has a leaderboard of its own: accuracies of two do not compare.
    """
    if sum((search_id is not None, setting is not None, settings)) > 1:
        raise InvalidInput("a search, --setting and --settings exclude each other", hint="give one of them")
    with Client(url, api_key=api_key) as client:
        if settings:
            found = list(client.items("/leaderboard/settings", limit=MAX_SETTINGS))
            show(found, settings_table(found), as_json=as_json)
            return
        leaderboards = _leaderboards(client, search_id, setting, limit, starred=starred)
    if as_json:
        print_json([row for _, rows in leaderboards for row in rows])
        return
    console = standard_output()
    for line, rows in leaderboards:
        console.print(leaderboard_table(rows, line))
    if not leaderboards:
        console.print("Nothing has finished yet.")


def _leaderboards(
    client: Client, search_id: str | None, setting: str | None, limit: int, *, starred: bool
) -> list[tuple[str, list[Json]]]:
    """Each setting in a line, with its rows."""
    chosen = {"limit": limit, "starred": True if starred else None}
    if search_id is not None:
        line = setting_line(client.get(f"/searches/{search_id}")["setting"])
        return [(line, list(client.items(f"/searches/{search_id}/leaderboard", **chosen)))]
    found = (
        [client.get(f"/leaderboard/settings/{setting}")]
        if setting is not None
        else client.items("/leaderboard/settings", limit=MAX_SETTINGS)
    )
    return [
        (setting_line(each), list(client.items("/leaderboard", setting=each["id"], **chosen)))
        for each in found
    ]
