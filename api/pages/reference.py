"""The reference of the REST API, from its OpenAPI document itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.rendering import render

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What an address or a header may hold."""

    name: str
    where: str
    is_required: bool
    kind: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route. ``body`` and ``answer`` are names of schemas, empty where there are none."""

    method: str
    path: str
    told: str
    parameters: Sequence[Parameter]
    body: str
    answer: str


@router.get("/reference")
def reference_page(request: Request) -> Response:
    """Every route with what it does and takes, by the noun that it is about."""
    found = _operations(request.app.openapi()["paths"])
    groups = {
        noun: list(operations)
        for noun, operations in groupby(sorted(found, key=_order), key=lambda each: _noun(each.path))
    }
    return render(request, "reference.html", groups=groups)


def _operations(paths: Mapping[str, Mapping[str, Any]]) -> list[Operation]:
    return [
        Operation(
            method=method.upper(),
            path=path,
            told=told.get("description") or told.get("summary", ""),
            parameters=[_parameter(each) for each in told.get("parameters", ())],
            body=_schema(told.get("requestBody", {})),
            answer=next(
                (_schema(each) for status, each in told["responses"].items() if status[0] == "2"), ""
            ),
        )
        for path, operations in paths.items()
        for method, told in operations.items()
    ]


def _noun(path: str) -> str:
    parts = path.removeprefix("/api/v1").strip("/").split("/")
    return parts[0].partition(":")[0] if path.startswith("/api/v1") else "the process"


def _order(operation: Operation) -> tuple[bool, str]:
    # What tells of the process itself comes last; a sort keeps the order within a noun.
    noun = _noun(operation.path)
    return noun == "the process", noun


def _parameter(told: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=told["name"],
        where=told["in"],
        is_required=told.get("required", False),
        kind=_kind(told.get("schema", {})),
        told=told.get("description", ""),
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    kind = str(schema.get("type", ""))
    return f"{kind} of {_kind(schema.get('items', {}))}" if kind == "array" else kind


def _schema(body: Mapping[str, Any]) -> str:
    return next((_kind(each.get("schema", {})) for each in body.get("content", {}).values()), "")
