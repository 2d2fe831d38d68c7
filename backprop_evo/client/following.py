"""Events as they happen: each once and in order, also over broken connections."""

from __future__ import annotations

import json
from collections.abc import Callable

from backprop_evo.client.problems import AWAY, error_of
from backprop_evo.client.reading import read
from backprop_evo.client.retrying import Retrying, asked_to, nobody
from backprop_evo.client.steps import (
    NEXT,
    Answer,
    Broken,
    Ended,
    Found,
    Iteration,
    Listen,
    Message,
    Request,
)
from backprop_evo.errors import BackpropEvoError
from backprop_evo.records.stored import EventRecord

PATIENCE_S = 300.0
"""So long a service may be away before who waits for it hears of that: a database that is migrated takes
minutes."""


def followed(
    since: int,
    *,
    search_id: str | None,
    follow: bool,
    patience_s: float,
    retrying: Retrying,
    clock: Callable[[], float],
    url: str,
) -> Iteration[EventRecord]:
    """Every event with an id above ``since``. A stream that ends or breaks is opened again behind the last
    event that was heard, so that none is missed or told twice. Without ``follow`` it ends where there is
    nothing more.

    Raises ``Unavailable`` where the service is away for ``patience_s``, and what it refuses.
    """
    last, heard, failures = since, clock(), 0
    while True:
        opened = yield Listen(_request(last, search_id, follow))
        assert isinstance(opened, Answer | Broken)
        reply: object = opened
        while isinstance(opened, Answer) and opened.is_success:
            reply = yield NEXT
            if not isinstance(reply, Message):
                break
            heard, failures = clock(), 0
            if reply.data:
                event = read(EventRecord, json.loads(reply.data))
                last = event.id
                yield Found(event)
        if isinstance(reply, Ended) and not follow:
            return
        if error := _final(opened, reply, clock() - heard > patience_s, url):
            raise error
        failures += 1
        yield retrying.pause_after(failures, opened)


def _request(last: int, search_id: str | None, follow: bool) -> Request:
    return asked_to("GET", "/events", {"after": last, "search_id": search_id, "follow": follow})


def _final(opened: Answer | Broken, reply: object, too_long: bool, url: str) -> BackpropEvoError | None:
    """The error to end with; None where it is tried again."""
    if isinstance(opened, Answer) and not opened.is_success:
        return error_of(opened) if too_long or opened.status not in AWAY else None
    if not too_long:
        return None
    return nobody(url, reply if isinstance(reply, Broken) else Broken("the stream ends again and again"))
