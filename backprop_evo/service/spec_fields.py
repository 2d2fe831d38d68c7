"""Every field of a search side by side: one row each, made from what the specs tell of their fields.

Options of the command line and inputs of the page's form are loops over these rows; nothing but the specs
themselves names a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, is_dataclass
from functools import cache
from typing import Any, get_args

from pydantic_core import to_jsonable_python

from backprop_evo import data
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.described import (
    ChoicesOf,
    Described,
    Panel,
    TypedField,
    literal_choices,
    typed_fields,
)
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.pruners import pruners
from backprop_evo.search.strategies import strategies
from backprop_evo.service.field_texts import Kind, kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecField:
    """A field of the search spec or of a part of it. ``name`` is unique among all, ``path`` leads to it in
    the JSON document, ``default`` is written as people write it, "" where there is none."""

    name: str
    path: tuple[str, ...]
    panel: Panel
    kind: Kind
    told: Described
    default: str
    choices: Mapping[str, str]
    required: bool

    @property
    def dotted(self) -> str:
        """As errors and documents name it: ``train.epochs``."""
        return ".".join(self.path)

    @property
    def option(self) -> str:
        """On the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """Beside its input."""
        return self.told.label or self.name.replace("_", " ").capitalize()

    @property
    def empty(self) -> str:
        """What it means to leave it out, in words."""
        return self.default.replace("\n", ", ") or self.told.unset or ""

    def read(self, text: str) -> Any:
        """The JSON value that ``text`` writes. Raises ``InvalidSettings`` naming the field."""
        try:
            return self.kind.read(text.strip())
        except InvalidSettings as error:
            raise InvalidSettings(error.message, field=self.dotted, hint=error.hint) from None
        except (ValueError, OverflowError):
            raise InvalidSettings(
                f"{self.dotted} must be {self.kind.wants}, not {text[:40]!r}", field=self.dotted
            ) from None


@cache
def search_fields() -> tuple[SpecField, ...]:
    """Of a search and all its parts. What belongs to a training outside of any search is left out."""
    return tuple(each for each in _rows(SearchSpec, (), "Search", "") if not each.told.alone)


@cache
def train_fields() -> tuple[SpecField, ...]:
    """Of a training, in a search or outside of any; paths are those in the document of a search."""
    return tuple(_rows(TrainSpec, ("train",), "Training", ""))


def fields_of(spec: type, name: str, panel: Panel = "Training") -> tuple[SpecField, ...]:
    """Of any spec class that stands outside of searches; errors call it ``name``."""
    return tuple(_rows(spec, (name,), panel, ""))


def field_at(path: str, fields: tuple[SpecField, ...]) -> SpecField | None:
    """The field that an error's dotted path means: itself, the one it is inside of, or the first one inside
    of it."""
    parts = tuple(path.split("[")[0].split("."))
    around = [each for each in fields if parts[: len(each.path)] == each.path]
    inside = [each for each in fields if each.path[: len(parts)] == parts]
    return max(around, key=lambda each: len(each.path)) if around else next(iter(inside), None)


def _rows(spec: Any, path: tuple[str, ...], panel: Panel, prefix: str) -> Iterator[SpecField]:
    for each in typed_fields(spec):
        place = (*path, each.name)
        if each.part is not None:
            yield from _rows(each.kind, place, each.part.panel, each.part.prefix)
        elif each.told is not None:
            yield _row(each, each.told, place, panel, prefix)
            # A value that may be a spec of its own has more to tell: the length of the probes, of both grids.
            inner = [spec for spec in get_args(each.kind) if is_dataclass(spec)]
            rows = {row.name: row for spec in reversed(inner) for row in _rows(spec, place, panel, prefix)}
            yield from rows.values()


def _row(field: TypedField, told: Described, path: tuple[str, ...], panel: Panel, prefix: str) -> SpecField:
    kind = kind_of(field.kind, lines=told.lines, time=told.time)
    return SpecField(
        name=told.name or "_".join(filter(None, (prefix, field.name))),
        path=path,
        panel=told.panel or panel,
        kind=kind,
        told=told,
        default="" if field.default is MISSING else kind.write(to_jsonable_python(field.default)),
        choices=_choices(told.choices) if told.choices else dict.fromkeys(literal_choices(field.kind), ""),
        required=field.default is MISSING,
    )


def _choices(of: ChoicesOf) -> Mapping[str, str]:
    """Names with a line about each."""
    if of == "data sets":
        return dict.fromkeys(data.names(), "")
    rows = strategies() if of == "strategies" else pruners()
    return {name: each.summary for name, each in rows.items()}
