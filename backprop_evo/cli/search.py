"""``backprop-evo search``: submit searches to a service, follow them, move them; all through REST."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from backprop_evo.cli.client import DEFAULT_URL, Client
from backprop_evo.cli.options import ApiKey, AsJson, SearchId, Url
from backprop_evo.cli.output import show
from backprop_evo.cli.tables import leaderboard_table, search_table, searches_table
from backprop_evo.cli.verbs import add_verbs
from backprop_evo.cli.watching import Watch
from backprop_evo.errors import InvalidInput
from backprop_evo.wording import read_rates

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Submit searches, follow them, move them."
)


@app.command(
    epilog="Examples: [bold]backprop-evo search submit my-search.json --watch[/bold], "
    "[bold]backprop-evo search submit --name first --trials 50 --model wrn-10-1 --epochs 2[/bold]"
)
def submit(
    file: Annotated[
        Path | None, typer.Argument(help="A search as JSON; options go over it.", metavar="[FILE]")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the search is called.")] = None,
    trials: Annotated[int | None, typer.Option(help="Different equations to train.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed and finishing order, same search.")] = None,
    start: Annotated[
        list[str] | None, typer.Option(help="An equation to start from; may be repeated.")
    ] = None,
    in_flight: Annotated[int | None, typer.Option(help="Trials out with workers at a time.")] = None,
    model: Annotated[str | None, typer.Option(help="The child: wrn-D-K, cnn or mlp-W.")] = None,
    data: Annotated[str | None, typer.Option(help="A data set of the catalogue.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Of each training.")] = None,
    learning_rate: Annotated[
        str | None, typer.Option(help="One rate, or a grid such as 0.01,0.1,1 to be probed.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Queue a search."""
    document = read_document(file)
    wanted = {"name": name, "trials": trials, "seed": seed, "start": start, "in_flight": in_flight}
    document |= {key: value for key, value in wanted.items() if value}
    if seed == 0:
        document["seed"] = 0
    of_train = {"model": model, "data": data, "epochs": epochs, "learning_rate": rates(learning_rate)}
    changed = {key: value for key, value in of_train.items() if value is not None}
    if changed:
        document["train"] = {**document.get("train", {}), **changed}
    with Client(url, api_key=api_key) as client:
        search = client.post("/searches", document)
        if watch:
            search = Watch(client, search["id"], Console(stderr=as_json)).until_end()
        show(search, search_table(search), as_json=as_json)


def read_document(file: Path | None) -> dict[str, Any]:
    """Raises ``InvalidInput`` for a file that cannot be read or is no JSON object."""
    if file is None:
        return {}
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidInput(f"{file}: no JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f'{file}: a search is a JSON object, like {{"name": "first"}}')
    return document


def rates(text: str | None) -> float | dict[str, list[float]] | None:
    """As a spec has them: one rate, or a grid. Raises ``InvalidSettings``."""
    if text is None:
        return None
    found = read_rates(text)
    return found[0] if len(found) == 1 else {"rates": list(found)}


@app.command("list", epilog="Example: [bold]backprop-evo search list --state running[/bold]")
def list_(
    state: Annotated[str | None, typer.Option(help="queued, running, paused, completed, …")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Searches, newest first."""
    with Client(url, api_key=api_key) as client:
        searches = list(client.items("/searches", limit=limit, state=state))
    show(searches, searches_table(searches), as_json=as_json)


@app.command("show", epilog="Example: [bold]backprop-evo search show 3f0a5c[/bold]")
def show_(
    search_id: SearchId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """One search."""
    with Client(url, api_key=api_key) as client:
        search = client.get(f"/searches/{search_id}")
    show(search, search_table(search), as_json=as_json)


@app.command(epilog="Example: [bold]backprop-evo search watch 3f0a5c[/bold]")
def watch(
    search_id: SearchId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Follow a search until it ends, then print its leaderboard."""
    with Client(url, api_key=api_key) as client:
        Watch(client, search_id, Console(stderr=as_json)).until_end()
        rows = client.get(f"/searches/{search_id}/leaderboard", limit=20)["items"]
    show(rows, leaderboard_table(rows), as_json=as_json)


add_verbs(app)
