"""Dataclass ↔ JSON text, by their type annotations. The text of a value is always the same, so it can be
compared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import to_json

from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import TrainResult, TrainSpec

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def encode(value: object) -> str:
    """JSON text; numbers that are not finite become ``Infinity`` and ``NaN`` and survive the way back."""
    return to_json(value, inf_nan_mode="constants").decode()


def decode(kind: type[T], text: str) -> T:
    """The value again. Raises ``pydantic.ValidationError`` for text that is not of that type."""
    value: T = _adapter(cast(Any, kind)).validate_json(text)
    return value


@lru_cache(maxsize=1024)
def decode_train_spec(text: str) -> TrainSpec:
    """Cached, because thousands of trials share one spec, and a spec is immutable."""
    return decode(TrainSpec, text)


@lru_cache(maxsize=256)
def decode_search_spec(text: str) -> SearchSpec:
    """Cached like ``decode_train_spec``."""
    return decode(SearchSpec, text)


@lru_cache(maxsize=256)
def decode_evaluation_spec(text: str) -> EvaluationSpec:
    """Cached like ``decode_train_spec``."""
    return decode(EvaluationSpec, text)


def decode_result(text: str) -> TrainResult:
    """The result of a training, curve and all."""
    return decode(TrainResult, text)


def encode_payload(payload: Mapping[str, object]) -> str:
    """JSON text of a plain mapping."""
    return encode(dict(payload))


def decode_payload(text: str) -> dict[str, Any]:
    """A plain mapping again."""
    value: dict[str, Any] = _adapter(dict[str, Any]).validate_json(text)
    return value
