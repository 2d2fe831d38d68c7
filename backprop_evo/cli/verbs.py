"""``backprop-evo search pause`` and its like: one command for each verb, made from its row."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from backprop_evo.cli.options import ApiKey, AsJson, SearchId, Url
from backprop_evo.cli.output import show
from backprop_evo.cli.tables import search_table
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.search.lifecycle import VERBS, Argument, Value, Verb


@dataclass(frozen=True, slots=True)
class Noun:
    """What verbs are asked of: the group of commands, its name, its path below the API, the argument that
    names one, and one as a table."""

    command: str
    name: str
    path: str
    id: Any
    table: Callable[[Any], Table]

    @property
    def article(self) -> str:
        """Before its name."""
        return "an" if self.name[0] in "aeiou" else "a"


SEARCH = Noun(command="search", name="search", path="/searches", id=SearchId, table=search_table)


def add_verbs(app: typer.Typer, verbs: Mapping[str, Verb] = VERBS, noun: Noun = SEARCH) -> None:
    """A command for every verb, in the order of their table."""
    for verb in verbs.values():
        words = [noun.command, verb.name, "3f0a5c"]
        words += [f"--{name} {_shown(each)}" for name, value in verb.example.items() for each in _each(value)]
        epilog = f"Example: [bold]backprop-evo {' '.join(words)}[/bold]"
        app.command(verb.name, help=verb.summary, epilog=epilog)(_command(verb, noun))


def _command(verb: Verb, noun: Noun) -> Callable[..., None]:
    id_name = f"{noun.name}_id"

    def apply_verb(
        *,
        url: Url = DEFAULT_URL,
        api_key: ApiKey = None,
        as_json: AsJson = False,
        **arguments: Any,
    ) -> None:
        asked_of = arguments.pop(id_name)
        body = {name: value for name, value in arguments.items() if value is not None}
        with Client(url, api_key=api_key) as client:
            changed = client.post(f"{noun.path}/{asked_of}:{verb.name}", body)
        show(changed, noun.table(changed), as_json=as_json)

    shown = inspect.signature(apply_verb, eval_str=True)
    options = list(shown.parameters.values())[:-1]
    own = [_option(argument) for argument in verb.arguments]
    first = inspect.Parameter(id_name, inspect.Parameter.KEYWORD_ONLY, annotation=noun.id)
    apply_verb.__signature__ = shown.replace(parameters=[first, *own, *options])  # type: ignore[attr-defined]
    return apply_verb


def _each(value: Value) -> tuple[int | str, ...]:
    return value if isinstance(value, tuple) else (value,)


def _shown(value: int | str) -> str:
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)


def _option(argument: Argument) -> inspect.Parameter:
    """The service knows the upper bounds; the lower one of a number is worth reading in the help."""
    least = argument.least if argument.is_number else None
    of_one: Any = list[str] if argument.many else argument.kind
    kind = of_one if argument.required else of_one | None
    return inspect.Parameter(
        argument.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if argument.required else None,
        annotation=Annotated[kind, typer.Option(help=argument.help, min=least)],
    )
