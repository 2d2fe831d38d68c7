"""Equations, or searches, side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.deps import StoreDep
from api.schemas.side_by_side import SideBySideOut
from backprop_evo.errors import InvalidSettings
from backprop_evo.service.side_by_side import compare_equations_of, compare_searches_of

router = APIRouter(tags=["compare"])
#: No address holds U+0000: it is refused before any route.
Storable = Annotated[str, Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})]


@router.get("/compare")
def read_compared(
    store: StoreDep,
    equation: Annotated[
        list[Storable], Query(description="fingerprint, text or name of an equation; two to six times")
    ] = [],  # noqa: B006 - FastAPI copies it
    search: Annotated[list[Storable], Query(description="id of a search; two to six times")] = [],  # noqa: B006
) -> SideBySideOut:
    """Two to six equations, or searches: what differs between them, and by how much they differ over
    trainings of one seed in one setting."""
    if bool(equation) == bool(search):
        raise InvalidSettings("give equations or searches, one of the two", field="equation")
    if equation:
        return SideBySideOut.of_equations(compare_equations_of(store, equation))
    return SideBySideOut.of_searches(compare_searches_of(store, search))
