"""``change`` and ``delete``, of searches and of evaluations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.cli.verbs import Noun
from backprop_evo.client import DEFAULT_URL, Client

Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="In place of its tags; may be repeated. '' takes all off.")
]
Archive = Annotated[
    bool | None, typer.Option("--archive/--no-archive", help="Leave it out of lists, once it has ended.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def add_changes(typer_app: typer.Typer, noun: Noun) -> None:
    """Both commands, for one noun."""
    example = f"backprop-evo {noun.command} change 3f0a5c --priority 3 --tag paper --note 'for section 4'"
    typer_app.command("change", epilog=f"Example: [bold]{example}[/bold]")(_change(noun))
    example = f"backprop-evo {noun.command} delete 3f0a5c"
    typer_app.command("delete", epilog=f"Example: [bold]{example}[/bold]")(_delete(noun))


def _change(noun: Noun) -> Callable[..., None]:
    def change(
        *,
        priority: Annotated[int | None, typer.Option(help="Share of the slots beside others.", min=1)] = None,
        tag: Tags = None,
        note: Annotated[str | None, typer.Option(help="A text of yours.")] = None,
        archive: Archive = None,
        trials: Annotated[
            int | None, typer.Option(help="Another budget of a search that has not ended.", min=1)
        ] = None,
        url: Url = DEFAULT_URL,
        api_key: ApiKey = None,
        as_json: AsJson = False,
        **found: Any,
    ) -> None:
        tags = None if tag is None else [each for each in tag if each]
        wanted = {"priority": priority, "tags": tags, "note": note, "archived": archive, "trials": trials}
        body = {name: value for name, value in wanted.items() if value is not None}
        with Client(url, api_key=api_key) as client:
            changed = client.patch(f"{noun.path}/{found[_id_of(noun)]}", body)
        if as_json:
            print_json(changed)
        else:
            standard_output().print(noun.table(changed))

    return _with_id(change, noun, f"Change priority, tags, note or archive of {noun.article} {noun.name}.")


def _delete(noun: Noun) -> Callable[..., None]:
    def delete(
        *,
        yes: Yes = False,
        url: Url = DEFAULT_URL,
        api_key: ApiKey = None,
        as_json: AsJson = False,
        **found: Any,
    ) -> None:
        asked_of = found[_id_of(noun)]
        with Client(url, api_key=api_key) as client:
            known = client.get(f"{noun.path}/{asked_of}")
            if not yes:
                words = f"Delete {known['spec']['name']!r} with all its trials and results, for good?"
                typer.confirm(words, abort=True, err=True)
            client.delete(f"{noun.path}/{asked_of}")
        if as_json:
            print_json({"deleted": asked_of})
        else:
            typer.echo(f"{noun.name} {asked_of} is deleted")

    return _with_id(delete, noun, f"Delete {noun.article} {noun.name} that has ended, for good.")


def _id_of(noun: Noun) -> str:
    return f"{noun.name}_id"


def _with_id(command: Callable[..., None], noun: Noun, summary: str) -> Callable[..., None]:
    """The command with the argument of its noun first."""
    shown = inspect.signature(command, eval_str=True)
    first = inspect.Parameter(_id_of(noun), inspect.Parameter.KEYWORD_ONLY, annotation=noun.id)
    rest = [each for each in shown.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = shown.replace(parameters=[first, *rest])  # type: ignore[attr-defined]
    command.__doc__ = summary
    return command
