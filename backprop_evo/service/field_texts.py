"""Values of a spec as people write them, by the type of the field: text from outside, JSON to the spec.

``read`` and ``write`` of a kind are each other's inverse, but for spaces and for lists that are none.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Union, get_args, get_origin

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.described import literal_choices
from backprop_evo.records.methods import EQUATION, MethodSpec
from backprop_evo.records.training import LearningRateGrid
from backprop_evo.training.methods import as_method, declared
from backprop_evo.wording import read_rates, read_time, time_text

RELATIVE = "relative"
"""Written before rates that are relative steps."""

NONE = "none"
"""Written for a value that may be None, where leaving it out would mean something else."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of one type are written. ``read`` raises ValueError; ``wants`` completes "must be …"."""

    name: Literal[
        "text",
        "whole number",
        "number",
        "time",
        "yes or no",
        "list",
        "texts",
        "rates",
        "constants",
        "method",
    ]
    wants: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


def kind_of(type_: Any, *, lines: bool = False, time: bool = False) -> Kind:
    """How values of a field's type are written, seconds as a ``time``. Raises TypeError for a type that no
    field had before."""
    if time:
        return _or_none(TIME)
    inner = [each for each in get_args(type_) if each is not types.NoneType]
    if get_origin(type_) in (Union, types.UnionType):
        if LearningRateGrid in inner:
            return RATES
        if len(inner) == 1:
            return _or_none(kind_of(inner[0], lines=lines))
    if get_origin(type_) is tuple:
        return _several(kind_of(inner[0]), "\n" if lines else ",")
    if get_origin(type_) is Mapping:
        return CONSTANTS
    if literal_choices(type_):
        return _KINDS[str]
    if type_ in _KINDS:
        return _KINDS[type_]
    raise TypeError(f"nobody knows how a {type_} is written")


def read_method(text: str, settings: Sequence[str] = ()) -> MethodSpec:
    """The method that ``text`` names or writes, with settings as ``name=value``, as far as they are of the
    setting's kind. Raises InvalidSettings."""
    pairs = [each.partition("=") for each in settings]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise InvalidSettings(
            f"{wrong[0]!r} is no setting", field="method.settings", hint="a setting is name=value"
        )
    spec = as_method(text)
    rows = {row.name: row for row in declared()[spec.name].rows()}
    given = {
        name.strip(): rows[name.strip()].from_text(value.strip()) if name.strip() in rows else value
        for name, _, value in pairs
    }
    return as_method(spec, given)


def _method_document(text: str) -> dict[str, Any]:
    """Of a method's name with settings after it (``name size=0.5``), a known equation's name, an equation."""
    name, *settings = text.split()
    is_named = name in declared() and name != EQUATION
    spec = read_method(name, settings) if is_named else read_method(text)
    return {"name": spec.name, "settings": dict(spec.settings)}


def _method_text(document: Mapping[str, Any]) -> str:
    settings = document.get("settings", {})
    if document["name"] == EQUATION:
        return str(settings.get("text", ""))
    return " ".join([document["name"], *(f"{name}={_plain(value)}" for name, value in settings.items())])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _rates_document(text: str) -> Any:
    """One rate, the grid of several, or after ``relative`` the grid of relative steps. Raises
    InvalidSettings."""
    if text.startswith(RELATIVE):
        return {"relative_steps": list(read_rates(text.removeprefix(RELATIVE)))}
    rates = read_rates(text)
    return rates[0] if len(rates) == 1 else {"rates": list(rates)}


def _rates_text(value: Any) -> str:
    if isinstance(value, Mapping) and "relative_steps" in value:
        return f"{RELATIVE} " + ", ".join(map(number_text, value["relative_steps"]))
    return ", ".join(map(number_text, value["rates"] if isinstance(value, Mapping) else [value]))


def _constants(text: str) -> dict[str, list[float]]:
    found = {}
    for each in filter(str.strip, text.replace("\n", ";").split(";")):
        name, equals, values = each.partition("=")
        if not equals:
            raise ValueError(each)
        found[name.strip()] = [float(value) for value in values.split(",")]
    return found


def _constants_text(value: Mapping[str, Sequence[float]]) -> str:
    return "; ".join(f"{name}={','.join(map(number_text, grid))}" for name, grid in value.items())


def number_text(value: float) -> str:
    """The shortest text that reads as the same number."""
    return repr(value).removesuffix(".0")


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError(text)
    return _TRUTHS[text.lower()]


def _or_none(kind: Kind) -> Kind:
    return replace(
        kind,
        wants=f"{kind.wants}, or {NONE}",
        read=lambda text: None if text.lower() == NONE else kind.read(text),
        write=lambda value: "" if value is None else kind.write(value),
    )


def _several(kind: Kind, separator: str) -> Kind:
    """Values between separators; ``none`` for no values at all."""

    def read(text: str) -> list[Any]:
        parts = [part.strip() for part in text.split(separator)]
        return [] if text.lower() == NONE else [kind.read(part) for part in parts if part]

    join = separator if separator == "\n" else f"{separator} "
    return Kind(
        "texts" if kind.name in ("text", "method") else "list",
        f"{kind.wants}, or several, {'one a line' if separator == chr(10) else 'with commas between'}",
        read,
        lambda values: join.join(map(kind.write, values)),
    )


_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
RATES = Kind("rates", "a learning rate, or several, or relative steps", _rates_document, _rates_text)
TIME = Kind("time", "a time such as 2h, 90m or 1h30m, or a number of seconds", read_time, time_text)
CONSTANTS = Kind("constants", "written like scale=0.1,3; clip=1", _constants, _constants_text)
_KINDS: Mapping[Any, Kind] = {
    str: Kind("text", "text", str, str),
    bool: Kind("yes or no", "true or false", _truth, _plain),
    int: Kind("whole number", "a whole number", int, str),
    float: Kind("number", "a number", float, number_text),
    MethodSpec: Kind("method", "a method's name, or an equation", _method_document, _method_text),
}
