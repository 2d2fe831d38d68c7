"""The JSON document of a search, put together from what people give: a preset, a file, single fields."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from backprop_evo.records.presets import cascade, preset
from backprop_evo.records.training import TrainSpec
from backprop_evo.service.spec_fields import SpecField, search_fields, train_fields
from backprop_evo.service.specs import parse_train_spec

Document = dict[str, Any]


def search_document(
    texts: Mapping[str, str], *, preset_name: str | None = None, file: Mapping[str, Any] | None = None
) -> Document:
    """What is sent: single fields (their texts by name, empty ones left out) over the file over the preset.
    Raises ``InvalidSettings``."""
    document = preset_document(preset_name) if preset_name else {}
    document = _merged(document, file or {})
    _put_all(document, search_fields(), texts)
    return document


def preset_document(name: str) -> Document:
    """What a preset says of a search: its training, and the cascade where it has one. Raises
    ``InvalidSettings``."""
    # By way of JSON: what the caller changes must not be the preset.
    return {"train": train_document(preset(name)), **to_jsonable_python(dict(cascade(name)))}


def train_spec(preset_name: str, texts: Mapping[str, str]) -> TrainSpec:
    """The preset with single fields changed. Raises ``InvalidSettings``."""
    return with_texts(preset(preset_name), texts)


def with_texts(train: TrainSpec, texts: Mapping[str, str]) -> TrainSpec:
    """The spec with single fields changed. Raises ``InvalidSettings``."""
    document: Document = {"train": train_document(train)}
    _put_all(document, train_fields(), texts)
    return parse_train_spec(document["train"])


def train_document(spec: TrainSpec) -> Document:
    """As it stands in a search's document."""
    document: Document = to_jsonable_python(spec)
    return document


def texts_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Every field of a search as people write it, by name; "" for what the document leaves open."""
    return {each.name: _text_at(document, each) for each in search_fields()}


def curl_of(document: Mapping[str, Any], url: str, *, with_key: bool, with_counterpart: bool = False) -> str:
    """The shell command that submits the document to the service at ``url``. A key is read from
    ``BACKPROP_EVO_API_KEY``, never shown."""
    body = json.dumps(document, ensure_ascii=False)
    path = "/api/v1/searches" + ("?with_counterpart=true" if with_counterpart else "")
    parts = [f"curl -sS {shlex.quote(url.rstrip('/') + path)}"]
    if with_key:
        parts.append('-H "Authorization: Bearer $BACKPROP_EVO_API_KEY"')
    parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
    return " \\\n  ".join(parts)


def _merged(under: Document, over: Mapping[str, Any]) -> Document:
    both = dict(under)
    for name, value in over.items():
        below = both.get(name)
        if isinstance(below, dict) and isinstance(value, Mapping):
            both[name] = _merged(below, value)
        else:
            both[name] = value
    return both


def _put_all(document: Document, fields: tuple[SpecField, ...], texts: Mapping[str, str]) -> None:
    for each in fields:
        if text := texts.get(each.name, "").strip():
            _put(document, each, each.read(text))


def _put(document: Document, field: SpecField, value: Any) -> None:
    """How rates are probed goes nowhere where there is one rate, and stays where only the rates change."""
    *way, name = field.path
    for step in way:
        inner = document.get(step, {})
        if not isinstance(inner, dict):
            return
        inner = dict(inner)  # what the caller gave is not changed
        document[step] = inner
        document = inner
    before = document.get(name)
    if field.kind.name == "rates" and isinstance(before, dict) and isinstance(value, dict):
        kept = ("probe_epochs", "extra_probes") if "relative_steps" in value else ("probe_epochs",)
        value = {key: before[key] for key in kept if key in before} | value
    document[name] = value


def _text_at(document: Mapping[str, Any], field: SpecField) -> str:
    value: Any = document
    for step in field.path:
        if not isinstance(value, Mapping) or step not in value:
            return ""
        value = value[step]
    return "" if value is None else field.kind.write(value)
