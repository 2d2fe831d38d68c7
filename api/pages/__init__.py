"""Pages for people, rendered on the server; they work without a script, which only keeps them up to date."""

from fastapi import APIRouter

from api.pages import (
    chart_data,
    equations,
    evaluations,
    listings,
    login,
    nodes,
    reference,
    searches,
    steering,
    submission,
)

router = APIRouter()
for part in (
    submission,
    steering,
    searches,
    chart_data,
    evaluations,
    equations,
    listings,
    nodes,
    reference,
    login,
):
    router.include_router(part.router)

__all__ = ["router"]
