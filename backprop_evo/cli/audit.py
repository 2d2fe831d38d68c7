"""``backprop-evo audit``: what keys did, and what they were refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import show
from backprop_evo.client import DEFAULT_URL, Client

EPILOG = (
    "Examples: [bold]backprop-evo audit[/bold], [bold]backprop-evo audit --target searches/3f0a5c[/bold], "
    "[bold]backprop-evo audit --label laptop --outcome refused --since 2026-01-31T00:00Z --json[/bold]"
)


def audit(
    label: Annotated[str | None, typer.Option(help="Of the keys of this name only.")] = None,
    key: Annotated[str | None, typer.Option(help="Of one key only, by its id.", metavar="ID")] = None,
    verb: Annotated[str | None, typer.Option(help="As create, pause, cancel, delete.")] = None,
    target: Annotated[str | None, typer.Option(help="As searches/3f0a5c.")] = None,
    outcome: Annotated[str | None, typer.Option(help="done or refused.")] = None,
    since: Annotated[str | None, typer.Option(help="From this time on, as 2026-01-31T00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    limit: Annotated[int, typer.Option(help="So many rows.", min=1)] = 50,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Who did what and when, newest first. Where keys are demanded, it takes one of the scope admin."""
    asked = {"label": label, "caller": key, "verb": verb, "target": target, "outcome": outcome}
    with Client(url, api_key=api_key) as client:
        acts = list(client.items("/audit", limit=limit, since=since, until=until, **asked))
    show(acts, _table(acts), as_json=as_json)


def _table(acts: Sequence[dict[str, Any]]) -> Table:
    table = Table("when", "who", "from", "verb", "of what", "outcome", title="Audit trail")
    for act in acts:
        who = f"{act['label']} ({act['caller']})" if act["caller"] else act["label"] or "nobody: no key"
        outcome = f"{act['outcome']}: {act['detail']}" if act["detail"] else act["outcome"]
        table.add_row(act["at"][:19], who, act["address"], act["verb"], act["target"], outcome)
    return table
