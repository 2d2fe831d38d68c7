"""Searches: submit, list, read, and the verbs that move them. Verbs may be repeated without harm."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Response, status

from api.deps import (
    ExpectedVersion,
    SearchDep,
    SearchId,
    ServiceDep,
    SliceDep,
    StoreDep,
    etag,
    expected_version,
)
from api.schemas.leaderboard import LeaderboardRowOut
from api.schemas.searches import CloneIn, ExtendIn, IndividualOut, SearchOut
from api.schemas.trials import TrialOut
from api.schemas.wire import PageOut
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.service import parse_search_spec
from backprop_evo.store.cursors import decode_cursor, encode_cursor

router = APIRouter(prefix="/searches", tags=["searches"])
SPEC_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SearchSpec"}}},
    }
}


def _answer(response: Response, search: SearchRecord) -> SearchOut:
    response.headers["ETag"] = etag(search)
    return SearchOut.of(search)


def _accepted(response: Response, search: SearchRecord) -> SearchOut:
    response.headers["Location"] = f"/api/v1/searches/{search.id}"
    return _answer(response, search)


@router.post("", status_code=status.HTTP_202_ACCEPTED, openapi_extra=SPEC_BODY)
def submit_search(
    document: Annotated[dict[str, Any], Body()], response: Response, service: ServiceDep
) -> SearchOut:
    """Queue a search. Everything but ``name`` has a default; ``Location`` says where to follow it."""
    return _accepted(response, service.submit_search(parse_search_spec(document)))


@router.get("")
def list_searches(
    store: StoreDep, part: SliceDep, state: Annotated[SearchState | None, Query()] = None
) -> PageOut[SearchOut]:
    """Newest first."""
    page = store.searches.page(state=state, cursor=part.cursor, limit=part.limit)
    return PageOut(items=[SearchOut.of(each) for each in page.items], next_cursor=page.next_cursor)


@router.get("/{search_id}", responses={304: {"description": "as in If-None-Match"}})
def read_search(
    search: SearchDep, response: Response, if_none_match: Annotated[str | None, Header()] = None
) -> Any:
    """One search; its ``ETag`` changes whenever it does."""
    if if_none_match is not None and etag(search) in if_none_match:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag(search)})
    return _answer(response, search)


@router.post("/{search_id}:pause")
def pause_search(
    search_id: SearchId, version: ExpectedVersion, response: Response, service: ServiceDep
) -> SearchOut:
    """Trials that run end, none begin."""
    return _answer(response, service.pause(search_id, expected_version=version))


@router.post("/{search_id}:resume")
def resume_search(
    search_id: SearchId, version: ExpectedVersion, response: Response, service: ServiceDep
) -> SearchOut:
    """Go on after a pause."""
    return _answer(response, service.resume(search_id, expected_version=version))


@router.post("/{search_id}:stop")
def stop_search(
    search_id: SearchId, version: ExpectedVersion, response: Response, service: ServiceDep
) -> SearchOut:
    """Let what runs end, propose nothing more, skip the confirmation."""
    return _answer(response, service.stop(search_id, expected_version=version))


@router.post("/{search_id}:cancel")
def cancel_search(
    search_id: SearchId, version: ExpectedVersion, response: Response, service: ServiceDep
) -> SearchOut:
    """End now; trials that run are told to stop."""
    return _answer(response, service.cancel(search_id, expected_version=version))


@router.post("/{search_id}:extend", dependencies=[Depends(expected_version)])
def extend_search(search_id: SearchId, more: ExtendIn, response: Response, service: ServiceDep) -> SearchOut:
    """Add trials to the budget; an ended search runs again. ``Idempotency-Key`` makes it safe to repeat."""
    return _answer(response, service.extend(search_id, more.trials))


@router.post("/{search_id}:clone", status_code=status.HTTP_202_ACCEPTED)
def clone_search(
    search: SearchDep, response: Response, service: ServiceDep, copy: CloneIn | None = None
) -> SearchOut:
    """Queue the same search again, with its present budget."""
    asked = copy or CloneIn()
    return _accepted(response, service.clone(search.id, name=asked.name, seed=asked.seed))


@router.get("/{search_id}/trials")
def list_trials(
    search: SearchDep,
    store: StoreDep,
    part: SliceDep,
    state: Annotated[TrialState | None, Query()] = None,
    purpose: Annotated[Purpose | None, Query()] = None,
) -> PageOut[TrialOut]:
    """The trials of a search, newest first, without their curves."""
    page = store.trials.page(search.id, state=state, purpose=purpose, cursor=part.cursor, limit=part.limit)
    return PageOut(items=[TrialOut.of(each) for each in page.items], next_cursor=page.next_cursor)


@router.get("/{search_id}/individuals")
def list_individuals(search: SearchDep, store: StoreDep, part: SliceDep) -> PageOut[IndividualOut]:
    """Every proposal in order: the lineage of the search."""
    after = -1 if part.cursor is None else decode_cursor("individuals", part.cursor, (int,))[0]
    found = store.individuals.of(search.id, after=after, limit=part.limit + 1)
    items = [IndividualOut.of(each) for each in found[: part.limit]]
    more = len(found) > part.limit
    return PageOut(items=items, next_cursor=encode_cursor("individuals", items[-1].number) if more else None)


@router.get("/{search_id}/leaderboard")
def read_leaderboard(search: SearchDep, store: StoreDep, part: SliceDep) -> PageOut[LeaderboardRowOut]:
    """Confirmed equations first, then the others; plain backprop is ranked among them."""
    page = store.leaderboard.page(search.id, cursor=part.cursor, limit=part.limit)
    return PageOut(items=[LeaderboardRowOut.of(each) for each in page.items], next_cursor=page.next_cursor)
