"""``backprop-evo search pause`` and its like: one command for each verb of a search, made from its row."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from backprop_evo.cli.client import DEFAULT_URL, Client
from backprop_evo.cli.options import ApiKey, AsJson, SearchId, Url
from backprop_evo.cli.output import show
from backprop_evo.cli.tables import search_table
from backprop_evo.search.lifecycle import VERBS, Argument, Verb


def add_verbs(app: typer.Typer) -> None:
    """A command for every verb, in the order of their table."""
    for verb in VERBS.values():
        words = ["search", verb.name, "3f0a5c"]
        words += [f"--{name} {value}" for name, value in verb.example.items()]
        epilog = f"Example: [bold]backprop-evo {' '.join(words)}[/bold]"
        app.command(verb.name, help=verb.summary, epilog=epilog)(_command(verb))


def _command(verb: Verb) -> Callable[..., None]:
    def apply_verb(
        *,
        search_id: SearchId,
        url: Url = DEFAULT_URL,
        api_key: ApiKey = None,
        as_json: AsJson = False,
        **arguments: Any,
    ) -> None:
        body = {name: value for name, value in arguments.items() if value is not None}
        with Client(url, api_key=api_key) as client:
            search = client.post(f"/searches/{search_id}:{verb.name}", body)
        show(search, search_table(search), as_json=as_json)

    shown = inspect.signature(apply_verb, eval_str=True)
    search_id, *options = list(shown.parameters.values())[:-1]
    own = [_option(argument) for argument in verb.arguments]
    apply_verb.__signature__ = shown.replace(  # type: ignore[attr-defined]
        parameters=[search_id, *own, *options]
    )
    return apply_verb


def _option(argument: Argument) -> inspect.Parameter:
    """The service knows the upper bounds; the lower one of a number is worth reading in the help."""
    least = argument.least if argument.is_number else None
    kind: Any = argument.kind if argument.required else argument.kind | None
    return inspect.Parameter(
        argument.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if argument.required else None,
        annotation=Annotated[kind, typer.Option(help=argument.help, min=least)],
    )
