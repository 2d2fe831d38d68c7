"""Every error as ``application/problem+json`` (RFC 9457), and as a page of the same design for people.

A problem carries ``type``, ``title``, ``status``, ``detail``, ``hint``, ``errors`` (each with ``field``,
``column``, ``detail``, ``hint``), ``legal_verbs`` where a state forbids a verb, and a ``request_id``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api.rendering import render
from backprop_evo.errors import BackpropEvoError, IllegalTransition, InvalidEquation, InvalidSettings
from backprop_evo.store.acting import current_act

PROBLEM_JSON = "application/problem+json"
SLUGS = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "content-too-large"}
MACHINE_PATHS = ("/api/", "/livez", "/readyz", "/metrics", "/version")

log = structlog.get_logger(__name__)


class ProblemDetail(BaseModel):
    """One thing that is wrong with a request; ``column`` is 1-based."""

    detail: str
    field: str | None = None
    column: int | None = None
    hint: str | None = None


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    type: str = Field(examples=["urn:backprop-evo:problem:not-found"])
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: list[ProblemDetail] = []
    legal_verbs: list[str] | None = None
    request_id: str


class PreconditionRequired(BackpropEvoError):
    """``If-Match`` is not what ``ETag`` gave out."""

    status = 400


def install(app: FastAPI) -> None:
    """Answer every error of the tree, of the framework and of the request's form as a problem."""
    app.add_exception_handler(BackpropEvoError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)


def internal_error(request: Request) -> Response:
    """The answer to an exception nobody expected; its traceback is in the log under the same request id."""
    return respond(
        request,
        500,
        "internal-error",
        "something broke on our side",
        hint="the server's log has the details under this request id",
    )


def disk_full(request: Request) -> Response:
    """The answer where the server could not write a file; the database says so itself."""
    return respond(
        request,
        503,
        "unavailable",
        "the server's disk is full",
        hint="free space on it; then send the request again",
        headers={"Retry-After": "5"},
    )


def respond(
    request: Request,
    status: int,
    slug: str,
    detail: str,
    *,
    hint: str | None = None,
    errors: Sequence[ProblemDetail] = (),
    legal_verbs: Sequence[str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as JSON under ``/api``, as a page elsewhere."""
    problem = Problem(
        type=f"urn:backprop-evo:problem:{slug}",
        title=slug.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        hint=hint,
        errors=list(errors),
        legal_verbs=None if legal_verbs is None else list(legal_verbs),
        request_id=request.scope.get("request_id", ""),
    )
    log.info("request refused", status=status, problem=slug, detail=detail[:200])
    if (act := current_act()) is not None:
        act.refusal = f"{slug}: {detail}"
    if wants_page(request):
        return render(request, "problem.html", status_code=status, headers=headers, problem=problem)
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status,
        dict(headers or {}),
        media_type=PROBLEM_JSON,
    )


def wants_page(request: Request) -> bool:
    """True outside the machine's paths."""
    return not request.url.path.startswith(MACHINE_PATHS)


def details(error: BackpropEvoError) -> list[ProblemDetail]:
    """Where the error is, for those errors that know."""
    if isinstance(error, InvalidEquation):
        return [ProblemDetail(detail=error.message, field="equation", column=error.column, hint=error.hint)]
    if isinstance(error, InvalidSettings):
        return [ProblemDetail(detail=error.message, field=error.field, hint=error.hint)]
    return []


def _slug(error: BackpropEvoError) -> str:
    # By the name of the class, so that a new error has a type without a list that knows it.
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


async def _answer_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, BackpropEvoError)
    # Seconds; a database that restarts is back by then.
    headers = {"Retry-After": "5"} if error.status == 503 else {}
    return respond(
        request,
        error.status,
        _slug(error),
        error.message,
        hint=error.hint,
        errors=details(error),
        legal_verbs=error.legal if isinstance(error, IllegalTransition) else None,
        headers=headers,
    )


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, hint = error.detail, None
    if error.status_code == 404:
        detail, hint = f"nothing is at {request.url.path}", "the routes are listed at /reference"
    headers = dict(error.headers or {})
    if error.status_code == 405:
        allowed = headers["Allow"] = ", ".join(sorted(_methods_at(request)))
        detail, hint = f"{request.method} is not possible at {request.url.path}", f"possible: {allowed}"
    slug = SLUGS.get(error.status_code, "request-refused")
    return respond(request, error.status_code, slug, detail, hint=hint, headers=headers)


def _methods_at(request: Request) -> set[str]:
    """Of all routes of the path: the framework names those of the first. Where the document has the path
    itself, only its own: a route of a parameter would take it for an id that nothing has."""
    documented = request.app.openapi()["paths"].get(request.url.path, {})
    methods = {method.upper() for method in documented if method != "parameters"}
    if methods:
        return methods
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        asked = {**request.scope, "method": method}
        if any(route.matches(asked)[0] is Match.FULL for route in request.app.router.routes):
            methods.add(method)
    return methods


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [_problem_detail(each) for each in error.errors()]
    first = found[0].detail if found else "the request does not fit"
    # Not 422: what cannot be read cannot be wrong in a field.
    if any(each["type"] == "json_invalid" for each in error.errors()):
        return respond(request, 400, "malformed-json", first, errors=found)
    return respond(request, 422, "invalid-request", first, errors=found)


def _problem_detail(each: Mapping[str, Any]) -> ProblemDetail:
    if each["type"] == "json_invalid":
        place = each["loc"][-1]
        return ProblemDetail(
            detail=f"the body is no JSON: {each['ctx']['error']}",
            field="body",
            column=place + 1 if isinstance(place, int) else None,
        )
    place = ".".join(str(part) for part in each["loc"])
    return ProblemDetail(detail=f"{place}: {each['msg']}", field=place)
