"""The form that submits a search: an input for every field of the spec, from the rows of the service."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from api.errors import details
from api.pages.forms import Form
from backprop_evo import data
from backprop_evo.errors import InvalidEquation, InvalidInput, InvalidSettings, UnknownDataset
from backprop_evo.records.described import Panel
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import SearchRecord
from backprop_evo.service import parse_search_spec, search_spec_to_json
from backprop_evo.service.documents import preset_document, texts_of
from backprop_evo.service.spec_fields import SpecField, field_at, search_fields
from backprop_evo.settings import Settings, default_home

PRESET_FIELD, COUNTERPART_FIELD = "preset", "with_counterpart"
ABSENT = "not on this machine"


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a select."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A field as the form shows it. ``problem`` is what is wrong with it, ``note`` what is to be known."""

    field: SpecField
    value: str
    choices: Sequence[Choice]
    problem: InvalidInput | None
    note: str | None

    @property
    def is_wide(self) -> bool:
        """Lists and texts need a line of their own."""
        return self.field.required or self.field.kind.name in ("rates", "constants", "texts")

    @property
    def says(self) -> str:
        """The problem beside the field, which need not be named there."""
        message = self.problem.message if self.problem else ""
        named = f"{self.field.dotted} must"
        return f"Must{message.removeprefix(named)}" if message.startswith(named) else message


@dataclass(frozen=True, slots=True)
class Group:
    """Inputs that are shown when asked for. ``changed`` of them are not as by default."""

    title: Panel
    inputs: Sequence[Input]

    @property
    def changed(self) -> int:
        """How many inputs differ from their defaults; an empty one means its default."""
        return sum(each.value.strip() not in ("", each.field.default) for each in self.inputs)

    @property
    def is_wrong(self) -> bool:
        """A group with a wrong field is shown unfolded."""
        return any(each.problem is not None for each in self.inputs)


@dataclass(frozen=True, slots=True)
class SearchForm:
    """``usual`` inputs are shown at once. ``problem`` is one that belongs to no field. ``with_counterpart``:
    random search is to run beside it."""

    usual: Sequence[Input]
    groups: Sequence[Group]
    problem: InvalidInput | None
    with_counterpart: bool

    @classmethod
    def of(cls, texts: Mapping[str, str], settings: Settings, problem: InvalidInput | None) -> SearchForm:
        """The form with what was typed, and the problem beside the field that it is about."""
        wrong = _wrong_field(problem)
        inputs = [
            Input(
                field=each,
                value=texts.get(each.name, ""),
                choices=_choices(each, settings),
                problem=problem if each == wrong else None,
                note=_note(each, texts.get(each.name, ""), settings),
            )
            for each in search_fields()
        ]
        usual = [each for each in inputs if each.field.told.usual]
        usual.sort(key=lambda each: each.field.told.lines)
        groups = [
            Group(panel, [each for each in inputs if each.field.panel == panel and each not in usual])
            for panel in get_args(Panel)
        ]
        return cls(usual, groups, problem if wrong is None else None, wants_counterpart(texts))


def wants_counterpart(form: Mapping[str, str]) -> bool:
    """Whether random search is to run beside the search of the form."""
    return form.get(COUNTERPART_FIELD) == "yes"


def blank_form() -> Form:
    """The defaults, sized for a first try."""
    return texts_of(search_spec_to_json(SearchSpec(name="first search", trials=24)))


def form_of(search: SearchRecord) -> Form:
    """As a search was submitted, with its present budget."""
    return texts_of(search_spec_to_json(search.present_spec))


def with_preset(form: Mapping[str, str], name: str) -> Form:
    """The form with its training and its early stopping filled in by a preset. Raises ``InvalidSettings`` for
    an unknown one."""
    filled = texts_of(search_spec_to_json(parse_search_spec({"name": name, **preset_document(name)})))
    of_preset = {
        each.name: filled[each.name]
        for each in search_fields()
        if each.panel in ("Training", "Early stopping")
    }
    return {**form, **of_preset, PRESET_FIELD: name}


def check_data_is_here(name: str, settings: Settings) -> None:
    """Raises ``InvalidSettings`` where this machine trains everything, and the data set is not on it. With
    nodes elsewhere nobody here knows what they have."""
    if settings.is_embedded and not _is_here(name, settings):
        raise InvalidSettings(
            f"the data set {name} is {ABSENT}",
            field="train.data",
            hint=f"fetch it first: {_fetch_command(name, settings)}",
        )


def _is_here(name: str, settings: Settings) -> bool:
    return name not in data.names() or data.path_of(name, settings.resolved_data_dir).is_file()


def _fetch_command(name: str, settings: Settings) -> str:
    folder: Path = settings.resolved_data_dir
    elsewhere = f" --data-dir {shlex.quote(str(folder))}" if folder != default_home() / "data" else ""
    return f"backprop-evo data fetch {name}{elsewhere}"


def _choices(field: SpecField, settings: Settings) -> list[Choice]:
    if field.told.choices == "data sets":
        return [
            Choice(name, name if _is_here(name, settings) else f"{name} ({ABSENT})") for name in field.choices
        ]
    return [Choice(name, name) for name in field.choices]


def _note(field: SpecField, value: str, settings: Settings) -> str | None:
    """What a chosen value means, where that is known."""
    if field.told.choices == "data sets" and value and not _is_here(value, settings):
        where = "" if settings.is_embedded else "; nodes that train with it need it"
        return f"{ABSENT.capitalize()}{where}: {_fetch_command(value, settings)}"
    summary = field.choices.get(value, "")
    return f"{summary[0].upper()}{summary[1:]}." if summary else None


def _wrong_field(problem: InvalidInput | None) -> SpecField | None:
    if isinstance(problem, UnknownDataset):
        return field_at("train.data", search_fields())
    if isinstance(problem, InvalidEquation):
        return field_at("start", search_fields())
    found = details(problem) if problem is not None else []
    return field_at(found[0].field, search_fields()) if found and found[0].field else None
