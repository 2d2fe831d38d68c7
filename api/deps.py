"""What routes ask for: the store to read, the service to act, a page of a listing, a version a client saw."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request
from fastapi.sse import ServerSentEvent
from pydantic.json_schema import SkipJsonSchema
from starlette.convertors import StringConvertor, register_url_convertor

from api.errors import PreconditionRequired
from api.event_feed import EventFeed
from backprop_evo.errors import NotFound
from backprop_evo.records.choosing import MAX_CHOSEN_TEXT, RowChoice, TrialChoice, TrialOrder
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import EvaluationRecord, SearchRecord
from backprop_evo.service import Service
from backprop_evo.service.tallies import Tallies
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store

# Also without quotes and as a weak one, for people with curl; 18 digits fit into any integer column.
ETAG = re.compile(r'(?:W/)?"?(\d{1,18})"?')
_TAG = ETAG.pattern.replace("(\\d", "(?:\\d")
#: What ``If-Match`` may be, for the document: who reads it refuses the rest in words.
IF_MATCH = {"pattern": rf"^ *(\*|{_TAG}( *, *{_TAG})*) *$"}


class _IdConvertor(StringConvertor):
    """``{search_id:id}`` in a path: an id ends at a colon, so that ``3f0a5c:pause`` is no id of a search, and
    another method there is answered with 405."""

    regex = "[^/:]+"


register_url_convertor("id", _IdConvertor())


def get_service(request: Request) -> Service:
    """The one that ``create_app`` made."""
    service: Service = request.app.state.service
    return service


def get_settings(request: Request) -> Settings:
    """Those that the application was made with; not read again from the environment."""
    settings: Settings = request.app.state.settings
    return settings


def get_store(request: Request) -> Store:
    """The one store of the process; it is safe to share between threads."""
    store: Store = request.app.state.store
    return store


def get_tallies(request: Request) -> Tallies:
    """What the pages of this process have added up."""
    tallies: Tallies = request.app.state.tallies
    return tallies


def get_feed(request: Request) -> EventFeed[ServerSentEvent]:
    """The newest events, for all streams of the process."""
    feed: EventFeed[ServerSentEvent] = request.app.state.feed
    return feed


FeedDep = Annotated[EventFeed[ServerSentEvent], Depends(get_feed)]
ServiceDep = Annotated[Service, Depends(get_service)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
StoreDep = Annotated[Store, Depends(get_store)]
TalliesDep = Annotated[Tallies, Depends(get_tallies)]
# No colon: it parts an id from its verb, as in ``/searches/3f0a5c:pause``.
SearchId = Annotated[str, Path(max_length=64, pattern=r"^[^:/]+$", description="id of a search")]
TrialId = Annotated[str, Path(max_length=96, description="id of a trial")]
Fingerprint = Annotated[str, Path(max_length=128, description="hash of an equation's behaviour")]


@dataclass(frozen=True, slots=True)
class Slice:
    """Which page of a listing."""

    cursor: str | None
    limit: int


def get_slice(
    cursor: Annotated[str | None, Query(max_length=500, description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Slice:
    """At most 500 rows: a page is decoded whole before it is sent."""
    return Slice(cursor or None, limit)


Archived = Annotated[bool, Query(description="also those that are archived")]
TagQuery = Annotated[str | None, Query(max_length=50, description="only those with this tag")]
Text = Annotated[
    str | SkipJsonSchema[None],
    Query(
        max_length=MAX_CHOSEN_TEXT,
        description="a part of the equation as it is written",
        json_schema_extra={"minLength": 1},
    ),
]
Component = Annotated[
    str | SkipJsonSchema[None],
    Query(
        max_length=MAX_CHOSEN_TEXT,
        description="an operand or a function in it, such as fro",
        json_schema_extra={"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    ),
]
OfTrain = Annotated[str | None, Query(max_length=100, description="only of settings with it")]


def get_trial_choice(
    text: Text = None,
    component: Component = None,
    state: Annotated[TrialState | None, Query()] = None,
    purpose: Annotated[Purpose | None, Query()] = None,
    sort: Annotated[TrialOrder, Query()] = TrialOrder.NEWEST,
) -> TrialChoice:
    """Raises ``InvalidInput``."""
    return TrialChoice(text=text, component=component, state=state, purpose=purpose, order=sort)


def get_row_choice(
    text: Text = None,
    component: Component = None,
    confirmed: Annotated[bool | None, Query(description="only those that are, or are not")] = None,
    starred: Annotated[bool | None, Query(description="only those that somebody starred, or did not")] = None,
    model: OfTrain = None,
    data: OfTrain = None,
    optimizer: OfTrain = None,
) -> RowChoice:
    """Raises ``InvalidInput``."""
    of_settings = {"model": model, "data": data, "optimizer": optimizer}
    return RowChoice(text=text, component=component, confirmed=confirmed, starred=starred, **of_settings)


TrialChoiceDep = Annotated[TrialChoice, Depends(get_trial_choice)]
RowChoiceDep = Annotated[RowChoice, Depends(get_row_choice)]
NodeName = Annotated[str, Path(max_length=200, pattern=r"^[^:/]+$", description="name of a node")]
SliceDep = Annotated[Slice, Depends(get_slice)]


def existing_search(search_id: SearchId, store: StoreDep) -> SearchRecord:
    """Raises ``NotFound``, also for listings below a search."""
    return store.searches.get(search_id)


SearchDep = Annotated[SearchRecord, Depends(existing_search)]


EvaluationId = Annotated[str, Path(max_length=64, pattern=r"^[^:/]+$", description="id of an evaluation")]


def existing_evaluation(evaluation_id: EvaluationId, store: StoreDep) -> EvaluationRecord:
    """Raises ``NotFound``."""
    return store.evaluations.get(evaluation_id)


EvaluationDep = Annotated[EvaluationRecord, Depends(existing_evaluation)]


def driven_by_id(store: Store, driven_id: str) -> SearchRecord | EvaluationRecord:
    """The search or evaluation of that id. Raises ``NotFound``."""
    try:
        return store.evaluations.get(driven_id)
    except NotFound:
        return store.searches.get(driven_id)


def expected_version(
    request: Request,
    store: StoreDep,
    if_match: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="If-Match", description="act only on this version of the search", json_schema_extra=IF_MATCH
        ),
    ] = None,
) -> int | None:
    """The version that ``If-Match``, an ETag, a list of them or ``*``, demands. Whether the search is still
    at it is for the transaction that acts to see: between two requests, both may have seen the same."""
    if if_match is None or if_match.strip() == "*":
        return None
    versions = [_version(each.strip()) for each in if_match.split(",")]
    if len(versions) == 1:
        return versions[0]
    # Of a list any may match: the present one if it is among them; else any, which then will not.
    present = driven_by_id(store, next(iter(request.path_params.values()))).version
    return present if present in versions else versions[0]


def _version(tag: str) -> int:
    found = ETAG.fullmatch(tag)
    if found is None:
        raise PreconditionRequired(
            f"If-Match: {tag[:100]!r} is no ETag of ours", hint="pass the ETag of the search"
        )
    return int(found.group(1))


ExpectedVersion = Annotated[int | None, Depends(expected_version)]


def one_of(names: Iterable[str]) -> dict[str, Any]:
    """What the document says of a parameter that is one of ``names``; who reads it refuses others in
    words."""
    known = [*names]
    return {"description": ", ".join(known), "json_schema_extra": {"enum": known}}


def etag(search: SearchRecord | EvaluationRecord) -> str:
    """A strong validator: the version grows by every transition."""
    return f'"{search.version}"'
