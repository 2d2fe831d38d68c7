"""Searches: submit, list, read, and the verbs, one route for each row of their table."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field, create_model

from api.deps import (
    ExpectedVersion,
    SearchDep,
    SearchId,
    ServiceDep,
    SliceDep,
    StoreDep,
    etag,
)
from api.schemas.leaderboard import LeaderboardRowOut
from api.schemas.searches import IndividualOut, SearchOut
from api.schemas.trials import TrialOut
from api.schemas.wire import PageOut
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.lifecycle import VERBS, Argument, Verb
from backprop_evo.service import parse_search_spec
from backprop_evo.store.cursors import decode_cursor, encode_cursor

router = APIRouter(prefix="/searches", tags=["searches"])
EXACT_IN_JSON = 2**53
"""Numbers of JSON are doubles: 2⁶³ is one, 2⁶³ - 1 is not, and would be told as a bound that is too high."""

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


def _body_of(verb: Verb) -> type[BaseModel]:
    """The body of a verb, from the arguments in its row."""
    fields: dict[str, Any] = {}
    for argument in verb.arguments:
        kind: Any = argument.kind if argument.required else argument.kind | None
        default = ... if argument.required else None
        fields[argument.name] = kind, Field(default, description=argument.help, **_bounds(argument))
    config = ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(verb.example)]})
    return create_model(f"{verb.name.capitalize()}In", __config__=config, __doc__=verb.summary, **fields)


def _bounds(argument: Argument) -> dict[str, Any]:
    if not argument.is_number:
        return {"min_length": argument.least, "max_length": argument.most}
    if argument.most < EXACT_IN_JSON:
        return {"ge": argument.least, "le": argument.most}
    return {"ge": argument.least, "lt": argument.most + 1}


def _add_route(verb: Verb) -> None:
    """``POST /searches/{search_id}:verb``; its body, where it has arguments, is made from the verb's row."""

    def apply_verb(
        search_id: SearchId,
        version: ExpectedVersion,
        response: Response,
        service: ServiceDep,
        body: BaseModel | None = None,
    ) -> SearchOut:
        arguments = {} if body is None else body.model_dump(exclude_none=True)
        search = service.apply_verb(verb.name, search_id, arguments, expected_version=version)
        answer = _accepted if verb.status == status.HTTP_202_ACCEPTED else _answer
        return answer(response, search)

    shown = inspect.signature(apply_verb, eval_str=True)
    parameters = dict(shown.parameters)
    body = parameters.pop("body")
    if any(argument.required for argument in verb.arguments):
        parameters["body"] = body.replace(annotation=_body_of(verb), default=inspect.Parameter.empty)
    elif verb.arguments:
        parameters["body"] = body.replace(annotation=_body_of(verb) | None)
    apply_verb.__signature__ = shown.replace(  # type: ignore[attr-defined]
        parameters=list(parameters.values())
    )
    router.add_api_route(
        f"/{{search_id}}:{verb.name}",
        apply_verb,
        methods=["POST"],
        name=f"{verb.name}_search",
        description=verb.summary,
        status_code=verb.status,
    )


for row in VERBS.values():
    _add_route(row)


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
