"""What happens, pushed as it happens (server-sent events)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.deps import FeedDep, SettingsDep, StoreDep, driven_by_id
from api.schemas.operations import EventOut
from backprop_evo.records.stored import EventRecord

router = APIRouter(prefix="/events", tags=["events"])
MAX_ID = 2**63 - 1
RETRY_MS = 2000


def starting_point(
    after: Annotated[int, Query(ge=0, le=MAX_ID, description="only events with a greater id")] = 0,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="sent by browsers when they reconnect")
    ] = None,
) -> int:
    """The id after which to go on: the one the client saw last wins over the one in the address."""
    text = last_event_id or ""
    # Whatever else a client sends there begins at the address's place, and is no error: browsers send it by
    # themselves.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else after


def known_search(
    store: StoreDep, search_id: Annotated[str | None, Query(max_length=64)] = None
) -> str | None:
    """Raises ``NotFound`` before the stream begins."""
    return driven_by_id(store, search_id).id if search_id is not None else None


@router.get("", response_class=EventSourceResponse)
async def stream_events(
    feed: FeedDep,
    store: StoreDep,
    settings: SettingsDep,
    after: Annotated[int, Depends(starting_point)],
    search_id: Annotated[str | None, Depends(known_search)],
    follow: Annotated[bool, Query(description="false: end when there is nothing more")] = True,
) -> AsyncIterator[ServerSentEvent]:
    """Each event once, in order: ``id`` is its number, ``event`` its kind, ``data`` the event as JSON."""
    # At once, so that a browser knows that it is connected before anything happens.
    yield ServerSentEvent(retry=RETRY_MS, comment="connected")
    while follow:
        found, after = await feed.after(after, search_id)
        for each in found:
            yield each
        # Only when nothing was found: a reader that is behind catches up without pauses.
        if not found:
            await anyio.sleep(settings.poll_s)
    while rest := await run_sync(lambda: store.events.after(after, search_id=search_id)):  # noqa: B023
        for event in rest:
            yield told(event)
        after = rest[-1].id


def told(event: EventRecord) -> ServerSentEvent:
    """As it is sent: JSON already, so that what hundreds of streams send is encoded once."""
    data = EventOut.of(event).model_dump_json()
    return ServerSentEvent(id=str(event.id), event=event.kind, raw_data=data)
