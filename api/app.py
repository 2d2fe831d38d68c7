"""Builds the application: middleware, routes, pages, errors, over one store."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware

from api import errors, pages
from api.access import KeyGate, ScopeGate
from api.acts import Acts
from api.compression import Compression, Validation
from api.event_feed import EventFeed
from api.idempotency import PARAMETER, Idempotency
from api.middleware import RequestFrame, SameOrigin, SizeLimit, StorableAddress
from api.parts import KeptParts
from api.rate_limit import RateLimit, RateLimiter
from api.routes import ROUTERS, operations
from api.routes.events import told
from backprop_evo.service import Service
from backprop_evo.service.comparing import Comparisons
from backprop_evo.service.tallies import Tallies
from backprop_evo.settings import LOOPBACK_HOSTS, Settings
from backprop_evo.settings import settings as process_settings
from backprop_evo.store.base import Store
from backprop_evo.store.sql import open_store

REFERENCE = re.compile(r'"\$ref": "#/components/schemas/(\w+)"')
STATIC = Path(__file__).parent / "static"
DESCRIPTION = """Submit and follow evolutionary searches for backpropagation update equations.

Errors are `application/problem+json` (RFC 9457). Listings are pages: pass `next_cursor` on as `cursor`.
Accuracies are in [0, 1], times in seconds."""
PROBLEM_RESPONSE = {
    "description": "What went wrong",
    "content": {errors.PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def create_app(settings: Settings | None = None, store: Store | None = None) -> FastAPI:
    """The application over ``store``, or over the database that the settings name."""
    chosen = settings or process_settings()
    opened = store or open_store(chosen.resolved_database_url)
    # Only on this machine can the names be known; elsewhere a proxy may give us any.
    hosts = LOOPBACK_HOSTS if chosen.api_host in LOOPBACK_HOSTS else ()

    limiter = RateLimiter(chosen.rate_limit, chosen.rate_limit_changes)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        # Whoever gave us a store closes it.
        if store is None:
            opened.close()

    app = FastAPI(
        title="backprop-evo",
        description=DESCRIPTION,
        version=operations.package_version(),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        # One schema a name: a spec is read and shown in the same form.
        separate_input_output_schemas=False,
        lifespan=lifespan,
        middleware=[
            Middleware(RequestFrame),
            Middleware(Compression),
            Middleware(Validation),
            Middleware(SameOrigin, hosts=hosts),
            Middleware(StorableAddress),
            Middleware(SizeLimit),
            *([Middleware(KeyGate, keys=opened.keys, limiter=limiter)] if chosen.api_keys_required else []),
            Middleware(RateLimit, limiter=limiter),
            Middleware(Acts),
            Middleware(ScopeGate),
            # Innermost: behind the gate, so that a refused caller cannot read answers kept under somebody's
            # key.
            Middleware(Idempotency),
        ],
    )
    app.state.settings = chosen
    app.state.store = opened
    app.state.service = Service(opened)
    app.state.feed = EventFeed(opened.events, chosen.poll_s, told)
    app.state.kept_parts = KeptParts()
    app.state.tallies = Tallies(opened)
    app.state.comparisons = Comparisons(opened)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1", responses={"default": PROBLEM_RESPONSE})
    app.include_router(operations.router, responses={"default": PROBLEM_RESPONSE})
    app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _close(schemas: dict[str, Any], name: str) -> None:
    """A spec and its parts have no other fields: an unknown one is refused."""
    spec = schemas[name]
    if spec.get("additionalProperties") is not False and spec.get("type") == "object":
        spec["additionalProperties"] = False
        for part in REFERENCE.findall(json.dumps(spec)):
            _close(schemas, part)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with our one form of error in the place of its own, and what middleware reads."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        problem = errors.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs")
        schemas["Problem"] = problem
        for name in ("SearchSpec", "EvaluationSpec"):
            _close(schemas, name)
        for operations_of_path in document["paths"].values():
            for method, operation in operations_of_path.items():
                operation["responses"].pop("422", None)
                if method == "post":
                    operation.setdefault("parameters", []).append(PARAMETER)
        app.openapi_schema = document
    return app.openapi_schema
