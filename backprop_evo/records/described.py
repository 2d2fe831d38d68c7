"""Fields of a spec with all that people are told of them, once: help, bounds, and where a form shows them.

Options of the command line, the page's form, the API's document and the tables of the documentation are made
from these (``backprop_evo.service.spec_fields``). Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from backprop_evo.errors import InvalidSettings

Panel = Literal["Search", "Proposals", "Training", "Funnel", "Early stopping"]
ChoicesOf = Literal["strategies", "pruners", "data sets"]
"""Choices that stand in a registry above this room; those of a ``Literal`` are known by the type."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a value has to be; ``words`` completes "must be …". ``limit`` is one that goes without saying,
    ``schema`` what JSON Schema can say of it."""

    words: str
    hold: Callable[[Any], bool]
    limit: Bounds | None = None
    schema: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is told of one field.

    ``bounds`` hold for every value there is. ``limit`` is what may be asked for besides: specs that were
    stored before there was a limit keep what they have. ``name`` is the field's where all fields of a search
    stand side by side, None: its own. ``label`` stands beside its input, ``unset`` says what None or nothing
    means. ``lines``: a value of several is written one a line; ``time``: one of seconds is written as 1h30m.
    ``usual`` ones are shown at once, ``alone`` ones belong to a training outside of any search.
    """

    help: str
    bounds: Bounds | None = None
    limit: Bounds | None = None
    name: str | None = None
    label: str | None = None
    unset: str | None = None
    choices: ChoicesOf | None = None
    panel: Panel | None = None
    lines: bool = False
    time: bool = False
    usual: bool = False
    alone: bool = False

    @property
    def wanted(self) -> str:
        """What a value has to be, in words; "" where it may be anything."""
        return "; ".join(each.words for each in (self.bounds, self.most) if each is not None)

    @property
    def most(self) -> Bounds | None:
        """The limit of the field, or of numbers such as its."""
        return self.limit or (self.bounds.limit if self.bounds is not None else None)

    @property
    def schema(self) -> dict[str, float]:
        """What JSON Schema can say of a value that may be asked for."""
        return {key: value for each in (self.bounds, self.most) if each for key, value in each.schema.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A field that is a spec of its own; ``prefix`` goes before the names of its fields."""

    panel: Panel
    prefix: str = ""


def described(default: Any = MISSING, help: str = "", **told: Any) -> Any:
    """A dataclass field with what is told of it; required without ``default``. ``told`` as in
    ``Described``."""
    row = Described(help=help, **told)
    # The API's document takes these two from here as well.
    shown = {"description": help, "json_schema_extra": row.schema}
    return field(default=default, metadata={**shown, "told": row})


def part(spec: Callable[[], Any], panel: Panel, prefix: str = "") -> Any:
    """A dataclass field that is a spec of its own, by default as ``spec`` makes it."""
    return field(default_factory=spec, metadata={"part": Part(panel=panel, prefix=prefix)})


def at_most(high: float) -> Bounds:
    """A limit."""
    return Bounds(f"at most {high:,}", lambda value: value <= high, schema={"maximum": high})


#: No number of a spec is greater than this, whatever else it may be.
MOST = at_most(100_000_000)


def at_least(low: float) -> Bounds:
    """No upper bound but that of every number."""
    return Bounds(f"at least {low:,}", lambda value: value >= low, MOST, {"minimum": low})


def up_to(count: int, what: str = "values") -> Bounds:
    """A limit on how many there are."""
    return Bounds(
        f"at most {count:,} {what}", lambda values: len(values) <= count, schema={"maxItems": count}
    )


def between(low: float, high: float) -> Bounds:
    """Both ends are permitted."""
    schema = {"minimum": low, "maximum": high}
    return Bounds(f"{low:,} to {high:,}", lambda value: low <= value <= high, schema=schema)


def below(high: float) -> Bounds:
    """From 0."""
    schema = {"minimum": 0, "exclusiveMaximum": high}
    return Bounds(f"from 0 and below {high:,}", lambda value: 0 <= value < high, schema=schema)


def above_zero(high: float = float("inf")) -> Bounds:
    """Finite, and at most ``high``."""
    words = "above 0" if high == float("inf") else f"above 0 and at most {high:,}"
    limit = MOST if high == float("inf") else None
    schema = {"exclusiveMinimum": 0.0} | ({} if limit else {"maximum": high})
    return Bounds(words, lambda value: 0 < value <= high and value != float("inf"), limit, schema)


PROBABILITY = Bounds(
    "a probability: 0 to 1", lambda value: 0 <= value <= 1, schema={"minimum": 0, "maximum": 1}
)


@dataclass(frozen=True, slots=True)
class TypedField:
    """A field with its type and what is told of it; one of ``told`` and ``part`` is there."""

    name: str
    kind: Any
    default: Any
    told: Described | None
    part: Part | None


@cache
def typed_fields(spec: Any) -> tuple[TypedField, ...]:
    """The fields of a spec class that people are told of."""
    kinds = get_type_hints(spec)
    return tuple(
        TypedField(each.name, kinds[each.name], each.default, told.get("told"), told.get("part"))
        for each in fields(spec)
        if (told := each.metadata).keys() & {"told", "part"}
    )


def check(spec: Any, path: str = "") -> None:
    """Raises ``InvalidSettings`` for the first value out of its bounds or choices, naming its field after
    ``path``."""
    for name, words in _wrong(spec, path):
        raise InvalidSettings(f"{name} must be {words}", field=name)


def is_storable(text: str) -> bool:
    """False for text with U+0000, which PostgreSQL has no room for, or half of a surrogate pair, which no
    encoding has."""
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def check_texts(value: Any, path: str) -> None:
    """Raises ``InvalidSettings`` for the first text within a JSON value that cannot be stored, naming its
    field after ``path``."""
    if isinstance(value, str) and not is_storable(value):
        raise InvalidSettings(f"{path or 'text'} holds U+0000 or half of a surrogate pair", field=path)
    if isinstance(value, dict):
        for name, inner in value.items():
            check_texts(str(name), path)
            check_texts(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            check_texts(inner, path)


def check_limits(spec: Any, path: str = "") -> None:
    """Raises ``InvalidSettings`` for the first value that is more than may be asked for, naming its field
    after ``path``. Costs no more than looking at each value once."""
    kind: Any = type(spec)
    for each in typed_fields(kind):
        value, name = getattr(spec, each.name), f"{path}{each.name}"
        limit = each.told.most if each.told is not None else None
        if limit is not None and value is not None and not limit.hold(value):
            raise InvalidSettings(f"{name} must be {limit.words}", field=name)
        if is_dataclass(value):
            check_limits(value, f"{name}.")


def _wrong(spec: Any, path: str) -> Iterator[tuple[str, str]]:
    kind: Any = type(spec)
    for each in typed_fields(kind):
        value = getattr(spec, each.name)
        if each.told is None:
            yield from _wrong(value, f"{path}{each.name}.")
            continue
        choices = literal_choices(each.kind)
        if choices and value not in choices:
            yield f"{path}{each.name}", " or ".join(map(str, choices))
        if each.told.bounds is not None and value is not None and not each.told.bounds.hold(value):
            yield f"{path}{each.name}", each.told.bounds.words
        if is_dataclass(value):
            yield from _wrong(value, f"{path}{each.name}.")


def literal_choices(kind: Any) -> tuple[Any, ...]:
    """The values of a ``Literal``; none for any other type."""
    return get_args(kind) if get_origin(kind) is Literal else ()
