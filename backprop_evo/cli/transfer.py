"""``backprop-evo evaluate transfer``: what a search has found, in other settings."""

from __future__ import annotations

from typing import Annotated

import typer

from backprop_evo.cli.evaluate import FIELDS, Controls, InMomentum, Test, follow, setting
from backprop_evo.cli.evaluation_tables import evaluation_table
from backprop_evo.cli.options import ApiKey, AsJson, SearchId, Url
from backprop_evo.cli.output import show
from backprop_evo.cli.spec_options import with_options
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.service.documents import train_document, with_texts
from backprop_evo.service.specs import parse_train_spec

PRESETS = "A2,A3,B1"
"""Where the paper went with what its search had found in A1."""

EPILOG = (
    "Examples: [bold]backprop-evo evaluate transfer 3f0a5c --to A2,A3,B1 --seeds 5[/bold], "
    "[bold]backprop-evo evaluate transfer 3f0a5c --model cnn --best 3[/bold]"
)


@with_options(FIELDS)
def transfer(
    texts: dict[str, str],
    search_id: SearchId,
    to: Annotated[str | None, typer.Option(help="Presets with commas between, such as A2,A3,B1.")] = None,
    best: Annotated[int | None, typer.Option(help="So many of the confirmed equations.", min=1)] = None,
    seeds: Annotated[int | None, typer.Option(help="So many, the same for all methods.", min=1)] = None,
    controls: Controls = None,
    in_momentum: InMomentum = False,
    test: Test = False,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Train what a search has confirmed in other settings: presets, or the search's own with options over
    it."""
    wanted = {
        "name": name,
        "best": best,
        "seeds": seeds,
        "controls": controls,
        "in_momentum": in_momentum or None,
        "test": test or None,
    }
    with Client(url, api_key=api_key) as client:
        if to or not texts:
            presets = [each.strip() for each in (to or PRESETS).split(",")]
            settings = [setting(each, texts) for each in presets]
        else:
            train = parse_train_spec(client.get(f"/searches/{search_id}")["spec"]["train"])
            changed = ", ".join(f"{field} {text}" for field, text in texts.items())
            settings = [{"name": changed[:100], "train": train_document(with_texts(train, texts))}]
        document = {key: value for key, value in wanted.items() if value is not None}
        evaluation = client.post("/evaluations", {**document, "from_search": search_id, "settings": settings})
        if watch:
            follow(client, evaluation["id"], as_json=as_json)
        else:
            show(evaluation, evaluation_table(evaluation), as_json=as_json)
