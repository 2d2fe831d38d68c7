"""JSON into immutable values and back.

A value is read by the types of its fields. What a newer service says beyond them is left out; what an older
one does not say yet takes the field's default.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from backprop_evo.errors import BackpropEvoError

T = TypeVar("T")


def read(kind: type[T], value: Any) -> T:
    """``value``, as it came from JSON, as a ``kind``. Raises ``BackpropEvoError`` where it is none."""
    try:
        return cast(T, _read(kind, value))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BackpropEvoError(
            f"the service's answer is no {kind.__name__} that this client knows: {error}",
            hint="is the service of another version? /version says which it is",
        ) from error


def plain(value: Any) -> Any:
    """What JSON can say of a value: dataclasses as objects, tuples as lists, moments as texts."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _read(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if kind is Any or origin is Literal:
        return value
    if origin in (Union, types.UnionType):
        return _read_one_of(get_args(kind), value)
    if origin is tuple:
        return _read_tuple(get_args(kind), value)
    if origin is not None and issubclass(origin, Mapping):
        of = get_args(kind)[1]
        return types.MappingProxyType({name: _read(of, each) for name, each in value.items()})
    if is_dataclass(kind):
        return _read_dataclass(kind, value)
    return _read_scalar(kind, value)


def _read_scalar(kind: Any, value: Any) -> Any:
    if kind is float:
        # JSON has no NaN: the service says null.
        return float("nan") if value is None else float(value)
    if kind is datetime:
        return datetime.fromisoformat(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(kind, type) and not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _read_tuple(of: Sequence[Any], value: Any) -> tuple[Any, ...]:
    if len(of) == 2 and of[1] is Ellipsis:
        return tuple(_read(of[0], each) for each in value)
    return tuple(_read(each, part) for each, part in zip(of, value, strict=True))


def _read_one_of(kinds: Sequence[Any], value: Any) -> Any:
    if value is None and type(None) in kinds:
        return None
    if isinstance(value, Mapping):
        told = [each for each in kinds if is_dataclass(each)]
        # A union of dataclasses: the one whose fields the object names.
        return _read(max(told or kinds, key=lambda each: _named(each, value)), value)
    numbers = [each for each in kinds if each is float] if isinstance(value, int | float) else []
    scalars = [each for each in kinds if isinstance(each, type) and isinstance(value, each)]
    rest = [each for each in kinds if each is not type(None)]
    return _read((scalars or numbers or rest)[0], value)


def _named(kind: Any, value: Mapping[str, Any]) -> int:
    return len({each.name for each in fields(kind)} & set(value)) if is_dataclass(kind) else 0


def _read_dataclass(kind: Any, value: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    known = {each.name: each for each in fields(kind) if each.init}
    missing = [name for name, each in known.items() if name not in value and not _has_default(each)]
    if missing:
        raise ValueError(f"it says nothing of {', '.join(missing)}")
    return kind(**{name: _read(hints[name], value[name]) for name in known if name in value})


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)
