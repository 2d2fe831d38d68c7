"""Pages for people, rendered on the server; they work without a script, which only keeps them up to date."""

from fastapi import APIRouter, Depends

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
from api.parts import note_newest_event

router = APIRouter(dependencies=[Depends(note_newest_event)])
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
