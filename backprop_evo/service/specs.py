"""Search specs from outside: read strictly, checked against the language, the catalogue and the models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from random import Random
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from backprop_evo import data
from backprop_evo.errors import InvalidEquation, InvalidSettings, UnknownDataset
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.search_language import SearchLanguage

_SPEC = TypeAdapter(SearchSpec)
_UNION_TAGS = frozenset({"float", "int", "LearningRateGrid"})
MODEL_HINT = "known models: wrn-D-K with D = 10, 16, 22, 28, …; cnn; mlp-W[-W…][-tanh|-sigmoid]"


def parse_search_spec(document: Mapping[str, Any]) -> SearchSpec:
    """The spec that a JSON document describes. Raises ``InvalidSettings`` naming the first wrong field,
    dotted; unknown fields and values of another type are wrong, never dropped or converted."""
    for path, nearest in _unknown_fields(SearchSpec, document):
        raise InvalidSettings(
            f"unknown field {path!r}", field=path, hint=f"did you mean {nearest!r}?" if nearest else None
        )
    try:
        text = json.dumps(document)
    except (TypeError, ValueError) as error:
        raise InvalidSettings(f"the spec is no JSON: {error}", field="spec") from None
    try:
        return _SPEC.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"] if part not in _UNION_TAGS) or "spec"
        raise InvalidSettings(f"{path}: {first['msg']}", field=path) from None


def search_spec_to_json(spec: SearchSpec) -> dict[str, Any]:
    """The document that ``parse_search_spec`` reads."""
    document: dict[str, Any] = to_jsonable_python(spec)
    return document


def _unknown_fields(kind: Any, value: object, path: str = "") -> Iterator[tuple[str, str | None]]:
    """Dotted paths of keys that no dataclass on the way has, each with the nearest known name."""
    if not isinstance(value, Mapping):
        return
    candidates = [each for each in (kind, *get_args(kind)) if is_dataclass(each)]
    if not candidates:
        return
    known = {each.name for each in fields(candidates[0])}
    hints = get_type_hints(candidates[0])
    for key, inner in value.items():
        if key not in known:
            nearest = get_close_matches(str(key), known, 1)
            yield f"{path}{key}", nearest[0] if nearest else None
        else:
            yield from _unknown_fields(hints[key], inner, f"{path}{key}.")


def check_search_spec(spec: SearchSpec) -> None:
    """Raises ``InvalidSettings``, ``InvalidEquation`` or ``UnknownDataset`` unless the search can be carried
    out."""
    _check_data(spec.train.data)
    _check_model(spec.train.model)
    language = _language_of(spec)
    for place, text in enumerate(spec.start):
        try:
            language.read(text)
        except InvalidEquation as error:
            raise InvalidEquation(
                f"start[{place}]: {error.message}", column=error.column, hint=error.hint
            ) from None


def _check_data(name: str) -> None:
    if name not in data.names():
        raise UnknownDataset(f"no data set is called {name!r}", hint=f"known: {', '.join(data.names())}")


def _check_model(name: str) -> None:
    if not _is_model(name):
        raise InvalidSettings(f"no model is called {name!r}", field="train.model", hint=MODEL_HINT)


def _is_model(name: str) -> bool:
    """Whether ``training.models`` builds it; said without torch; a test holds both to one answer."""
    if match := re.fullmatch(r"wrn-(\d{1,4})-(\d{1,3})", name):
        depth, width = map(int, match.groups())
        return depth >= 10 and depth % 6 == 4 and width >= 1
    if match := re.fullmatch(r"mlp((?:-\d{1,6})+)(?:-(?:tanh|sigmoid|relu))?", name):
        return all(int(width) for width in match[1][1:].split("-"))
    return name == "cnn"


def _language_of(spec: SearchSpec) -> SearchLanguage:
    """The search's language, once it was seen to yield an equation."""
    try:
        language = SearchLanguage(spec)
        language.draw(Random(spec.seed))
    except InvalidEquation as error:
        raise InvalidSettings(f"vocabulary: {error.message}", field="vocabulary", hint=error.hint) from None
    return language
