"""For those who run the service: is it alive, is it ready, what does it count, which version is it."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Response

from api.deps import ServiceDep, SettingsDep, StoreDep
from api.metrics import CONTENT_TYPE, exposition
from api.schemas.operations import HealthOut, VersionOut
from backprop_evo.errors import Unavailable
from backprop_evo.service import utc_now

router = APIRouter(tags=["operations"])


@router.get("/livez")
def live() -> HealthOut:
    """The process answers."""
    return HealthOut(status="ok")


@router.get("/readyz")
def ready(store: StoreDep) -> HealthOut:
    """The database answers, its schema is the code's, and it can be written; otherwise 503."""
    if not store.is_ready():
        raise Unavailable("the database does not answer or is not migrated", hint="backprop-evo db upgrade")
    store.check_writable()
    return HealthOut(status="ok")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(store: StoreDep, service: ServiceDep, settings: SettingsDep) -> Response:
    """Counted from the database at the moment of the scrape, in Prometheus' text format."""
    pool = service.pool(least=settings.pool_min_slots, most=settings.pool_max_slots)
    counted = exposition(store, service.live_nodes(), pool, utc_now())
    return Response(counted, headers={"Content-Type": CONTENT_TYPE})


@router.get("/version")
def read_version() -> VersionOut:
    """What runs here."""
    return VersionOut(name="backprop-evo", version=package_version(), python=platform.python_version())


@cache
def package_version() -> str:
    """Of the installed distribution; unknown where only the sources are there."""
    try:
        return version("backprop-evo")
    except PackageNotFoundError:
        return "unknown"
