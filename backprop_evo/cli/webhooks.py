"""``backprop-evo webhooks``: addresses that are told when a search or an evaluation has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import show
from backprop_evo.client import DEFAULT_URL, Client

app = typer.Typer(
    help="Add, list and remove webhooks, and see what they were told.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
WebhookId = Annotated[
    str, typer.Argument(help="Id of a webhook, see [bold]webhooks list[/bold].", metavar="WEBHOOK")
]


@app.command("list", epilog="Examples: [bold]backprop-evo webhooks list[/bold], [bold]… list --json[/bold]")
def list_webhooks(url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """All of them, oldest first; of an address only the host, as its path is often a secret."""
    with Client(url, api_key=api_key) as client:
        found = client.get("/webhooks")["items"]
    show(found, _table(found), as_json=as_json)


@app.command(
    "add",
    epilog=(
        "Examples: [bold]backprop-evo webhooks add https://example.org/hooks/evo[/bold], "
        "[bold]backprop-evo webhooks add https://example.org/hooks/evo --search 3f0a5c --json[/bold]"
    ),
)
def add_webhook(
    address: Annotated[str, typer.Argument(help="Where to tell it: http or https.", metavar="ADDRESS")],
    search: Annotated[
        str | None, typer.Option(help="Of this search or evaluation only.", metavar="ID")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Tell an address of every end. The secret that signs its messages is shown now and never again."""
    asked = {"url": address} | ({} if search is None else {"search_id": search})
    with Client(url, api_key=api_key) as client:
        made = client.post("/webhooks", asked)
    show(made, _table([made], "secret"), as_json=as_json)


@app.command("remove", epilog="Example: [bold]backprop-evo webhooks remove 5b1f0c2d9a3e[/bold]")
def remove_webhook(webhook: WebhookId, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """It is told nothing from now on; what waits for it is dropped."""
    with Client(url, api_key=api_key) as client:
        client.delete(f"/webhooks/{webhook}")
    typer.echo(f"{webhook} is told nothing any more", err=True)


@app.command(
    "deliveries",
    epilog=(
        "Examples: [bold]backprop-evo webhooks deliveries 5b1f0c2d9a3e[/bold], "
        "[bold]… deliveries 5b1f0c2d9a3e --limit 5 --json[/bold]"
    ),
)
def list_deliveries(
    webhook: WebhookId,
    limit: Annotated[int, typer.Option(help="So many rows.", min=1)] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """What it was told, newest first, and why it could not be told."""
    with Client(url, api_key=api_key) as client:
        found = list(client.items(f"/webhooks/{webhook}/deliveries", limit=limit))
    table = Table("when", "what", "of", "state", "tries", "last answer", title=f"Deliveries to {webhook}")
    for each in found:
        answer = each["reason"] or (f"status {each['status']}" if each["status"] else "")
        row = (each["created_at"][:19], each["event"], each["search_id"], each["state"])
        table.add_row(*row, str(each["attempts"]), answer)
    show(found, table, as_json=as_json)


def _table(webhooks: Sequence[dict[str, Any]], *more: str) -> Table:
    table = Table("id", "address", "of", "by", "since", *more, title="Webhooks")
    for each in webhooks:
        row = (each["id"], each["address"], each["search_id"] or "everything", each["owner"] or "")
        table.add_row(*row, each["created_at"][:19], *(each[name] for name in more))
    return table
