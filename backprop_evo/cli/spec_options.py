"""Options for the fields of a spec: one each, made from the rows of ``service.spec_fields``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args

import typer

from backprop_evo.records.described import Panel
from backprop_evo.records.presets import PRESETS
from backprop_evo.service.spec_fields import SpecField

LONGEST_METAVAR = 20
Preset = Annotated[
    str | None,
    typer.Option(
        help="Start the training from "
        + ", ".join(name for name in PRESETS if "-" not in name)
        + ", each also with -momentum. Options go over it.",
        metavar="NAME",
    ),
]


def with_options(
    fields: tuple[SpecField, ...], defaults: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field; what was given comes to it as ``texts``, by the fields'
    names. ``defaults`` are those shown, where they are not the fields' own."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            each
            for each in inspect.signature(command, eval_str=True).parameters.values()
            if each.name != "texts"
        ]
        in_order = sorted(fields, key=lambda each: get_args(Panel).index(each.panel))
        made = [_parameter(each, (defaults or {}).get(each.name) or each.empty) for each in in_order]

        def with_texts(**given: Any) -> None:
            texts = {each.name: _text(given.pop(each.name)) for each in fields}
            command(**given, texts={name: text for name, text in texts.items() if text is not None})

        keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *made)]
        with_texts.__name__, with_texts.__doc__ = command.__name__, command.__doc__
        # What typer reads the options from.
        with_texts.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
        with_texts.__annotations__ = {each.name: each.annotation for each in keywords}
        return with_texts

    return decorate


def _parameter(field: SpecField, default: str) -> inspect.Parameter:
    is_switch = field.kind.name == "yes or no"
    kind: Any = bool if is_switch else list[str] if field.told.lines else str
    option = f"{field.option}/--no-{field.option.removeprefix('--')}" if is_switch else field.option
    shown = {"true": "yes", "false": "no"}.get(default, default)
    told = typer.Option(
        option,
        help=_help(field) + (f" [dim]\\[default: {shown}][/dim]" if shown else ""),
        metavar=None if is_switch else _metavar(field),
        show_default=False,
        rich_help_panel=field.panel,
    )
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, told]
    )


def _help(field: SpecField) -> str:
    if field.told.lines:
        return f"{field.told.help} One each time; may be repeated."
    if field.choices and _metavar(field) == "TEXT":
        return f"{field.told.help} One of {', '.join(field.choices)}."
    return field.told.help


def _metavar(field: SpecField) -> str:
    choices = "|".join(field.choices)
    if choices and len(choices) <= LONGEST_METAVAR:
        return choices
    by_kind: Mapping[str, str] = {
        "whole number": "N",
        "number": "X",
        "time": "TIME",
        "list": "X,…",
        "texts": "A,B,…",
        "rates": "X,…",
    }
    return "TEXT" if field.told.lines else by_kind.get(field.kind.name, "TEXT")


def _text(given: str | list[str] | bool | None) -> str | None:
    if isinstance(given, bool):
        return "true" if given else "false"
    return "\n".join(given) if isinstance(given, list) else given
