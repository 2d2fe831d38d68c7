"""Pages for people, rendered on the server; they work without a script, which only keeps them up to date."""

from fastapi import APIRouter

from api.pages import (
    chart_data,
    compare,
    compare_charts,
    equations,
    evaluations,
    learn,
    lineage,
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
    lineage,
    chart_data,
    evaluations,
    compare,
    compare_charts,
    equations,
    listings,
    learn,
    nodes,
    reference,
    login,
):
    router.include_router(part.router)

__all__ = ["router"]
