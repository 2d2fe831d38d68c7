"""``backprop-evo nodes``: the machines that train, what they have, what keeps one from training, and what is
asked of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import show
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.errors import InvalidInput
from backprop_evo.records.nodes import MOST_SLOTS
from backprop_evo.service.pool import NODE_VERBS, NodeVerb

app = typer.Typer(
    rich_markup_mode="rich",
    invoke_without_command=True,
    help="Nodes: list, show, scale, drain, resume, label.",
    epilog="Examples: [bold]backprop-evo nodes[/bold], [bold]backprop-evo nodes scale gpu-7 4[/bold]",
)

Name = Annotated[str, typer.Argument(help="Name of a node, see [bold]nodes list[/bold].", metavar="NODE")]
GivesBack = Annotated[
    bool, typer.Option("--give-back", help="What must go gives its trial back instead of finishing it.")
]


@app.callback()
def nodes(
    context: typer.Context, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Nodes: list, show, scale, drain, resume, label. Alone it lists them."""
    if context.invoked_subcommand is None:
        list_(url, api_key, as_json)


@app.command("list", epilog="Example: [bold]backprop-evo nodes list --json[/bold]")
def list_(url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Every node that is not forgotten, and why one takes no trials."""
    with Client(url, api_key=api_key) as client:
        known = client.get("/nodes")["items"]
    show(known, _table(known), as_json=as_json)


@app.command("show", epilog="Example: [bold]backprop-evo nodes show gpu-7[/bold]")
def show_(name: Name, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """One node, with what each of its slots trains."""
    with Client(url, api_key=api_key) as client:
        node = client.get(_path(name))
    show(node, _details(node), as_json=as_json)


@app.command(
    epilog="Examples: [bold]backprop-evo nodes scale gpu-7 4[/bold], "
    "[bold]backprop-evo nodes scale gpu-7 1 --give-back[/bold]"
)
def scale(
    name: Name,
    slots: Annotated[
        int | None,
        typer.Argument(help="So many; none given: as its own settings say.", min=0, max=MOST_SLOTS),
    ] = None,
    give_back: GivesBack = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Ask a node for a number of slots; it is kept, and obeyed within seconds."""
    with Client(url, api_key=api_key) as client:
        node = client.patch(_path(name), {"slots": slots, "gives_back": give_back})
    show(node, _details(node), as_json=as_json)


def _asking(verb: NodeVerb) -> Callable[..., None]:
    def ask(
        name: Name,
        give_back: GivesBack = False,
        url: Url = DEFAULT_URL,
        api_key: ApiKey = None,
        as_json: AsJson = False,
    ) -> None:
        body = {"gives_back": give_back} if verb.may_give_back else {}
        with Client(url, api_key=api_key) as client:
            node = client.post(f"{_path(name)}:{verb.name}", body)
        show(node, _details(node), as_json=as_json)

    def ask_simply(
        name: Name, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
    ) -> None:
        ask(name, url=url, api_key=api_key, as_json=as_json)

    return ask if verb.may_give_back else ask_simply


for _verb in NODE_VERBS.values():
    app.command(
        _verb.name, help=_verb.summary, epilog=f"Example: [bold]backprop-evo nodes {_verb.name} gpu-7[/bold]"
    )(_asking(_verb))


@app.command(
    epilog="Examples: [bold]backprop-evo nodes label gpu-7 a100 big[/bold], "
    "[bold]backprop-evo nodes label gpu-7 --own[/bold]"
)
def label(
    name: Name,
    labels: Annotated[
        list[str] | None, typer.Argument(help="All that it is to carry.", metavar="[LABEL]…")
    ] = None,
    own: Annotated[bool, typer.Option("--own", help="Those that its own settings say.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Say which labels a node carries: searches that ask for labels run where all of them are."""
    if own and labels:
        raise InvalidInput("labels and --own contradict each other", hint="give one of the two")
    with Client(url, api_key=api_key) as client:
        node = client.patch(_path(name), {"labels": None if own else labels or []})
    show(node, _details(node), as_json=as_json)


def _path(name: str) -> str:
    return f"/nodes/{quote(name, safe='')}"


def _state(node: dict[str, Any]) -> str:
    if node["quarantine"]:
        return f"quarantine: {node['quarantine']}"
    return f"dead, last heard of {node['seen_at']}" if node["state"] == "dead" else str(node["state"])


def _table(known: Sequence[dict[str, Any]]) -> Table:
    table = Table("node", "busy", "devices", "labels", "data sets", "free MiB", "state", title="Nodes")
    for each in known:
        table.add_row(
            each["name"],
            f"{each['busy']} / {each['slots']}",
            ", ".join(each["devices"]),
            ", ".join(each["labels"]),
            ", ".join(each["datasets"] or ["unknown"]),
            str(each["free_memory_mib"] or "unknown"),
            _state(each),
        )
    return table


def _details(node: dict[str, Any]) -> Table:
    wish = node["wish"]
    table = Table("", node["name"], show_header=True)
    own = "as its own settings say"
    for name, value in (
        ("state", _state(node)),
        ("slots", f"{node['slots']}, {node['busy']} busy"),
        ("asked for", own if wish["slots"] is None else f"{wish['slots']} slots"),
        ("devices", ", ".join(node["devices"])),
        ("labels", ", ".join(node["labels"])),
        ("data sets", ", ".join(node["datasets"] or ["unknown"])),
        ("fetches", node["fetching"] or ("what is wanted" if node["fetches"] else "nothing by itself")),
        *(("not fetched", f"{name}: {fault}") for name, fault in node["fetch_faults"].items()),
        *((f"slot {each['slot']} trains", each["trial_id"]) for each in node["training"]),
    ):
        table.add_row(name, value)
    return table
