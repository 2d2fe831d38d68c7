"""``backprop-evo nodes``: the machines that train, what they have, and what keeps one from training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import show
from backprop_evo.client import DEFAULT_URL, Client

EPILOG = "Examples: [bold]backprop-evo nodes[/bold], [bold]backprop-evo nodes --json[/bold]"


def nodes(url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Nodes that were heard of in the last minute, and why one takes no trials."""
    with Client(url, api_key=api_key) as client:
        alive = client.get("/nodes")["items"]
    show(alive, _table(alive), as_json=as_json)


def _table(alive: Sequence[dict[str, Any]]) -> Table:
    table = Table("node", "busy", "devices", "data sets", "free MiB", "state", title="Nodes alive")
    for each in alive:
        state = f"quarantine: {each['quarantine']}" if each["quarantine"] else "takes trials"
        table.add_row(
            each["name"],
            f"{each['busy']} / {each['slots']}",
            ", ".join(each["devices"]),
            ", ".join(each["datasets"] or ["unknown"]),
            str(each["free_memory_mib"] or "unknown"),
            state,
        )
    return table
