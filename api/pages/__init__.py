"""Pages for people, rendered on the server; they work without a script, which only keeps them up to date."""

from fastapi import APIRouter

from api.pages import (
    compare,
    equations,
    evaluations,
    learn,
    lineage,
    listings,
    login,
    searches,
    steering,
    submission,
)

router = APIRouter()
for part in (
    submission,
    steering,
    searches,
    lineage,
    evaluations,
    compare,
    equations,
    listings,
    learn,
    login,
):
    router.include_router(part.router)

__all__ = ["router"]
