"""Requests that are carried out once: whoever repeats one under its key gets the first answer, and nothing is
done twice.

The row that says so is written by the same transaction that acts, so that no crash comes between the two, and
its primary key lets only one of two simultaneous repetitions act.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from backprop_evo.errors import Conflict
from backprop_evo.store.caller_tables import REQUESTS

MAX_KEY_LENGTH = 200


class DuplicateRequest(Conflict):
    """Another request with the same key was first; nothing was done."""


@dataclass(slots=True, kw_only=True)
class KeyedRequest:
    """One request that came with a key. ``caller`` is the id of its API key, empty where none is demanded;
    ``sha256`` is of what it asks for. ``is_marked``: something was committed in its name; ``was_second``: it
    did nothing, because another one with its key was first."""

    caller: str
    key: str
    sha256: str
    at: datetime
    is_marked: bool = False
    was_second: bool = False


_CURRENT: ContextVar[KeyedRequest | None] = ContextVar("request", default=None)


@contextmanager
def under_key(request: KeyedRequest) -> Iterator[None]:
    """What is committed inside is committed in the name of this request."""
    token = _CURRENT.set(request)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def insert_request(connection: Connection, request: KeyedRequest) -> None:
    """The row of this request, still without an answer. Raises ``IntegrityError`` where its key has one."""
    values = {"caller": request.caller, "key": request.key, "sha256": request.sha256}
    connection.execute(insert(REQUESTS).values(created_at=request.at, **values))


def mark_current_request(connection: Connection) -> KeyedRequest | None:
    """First in a transaction: note that the present request acts; None where it did, or there is none.

    The caller sets ``is_marked`` once the transaction is committed. Raises ``DuplicateRequest``.
    """
    request = _CURRENT.get()
    if request is None or request.is_marked:
        return None
    try:
        insert_request(connection, request)
    except IntegrityError:
        request.was_second = True
        raise DuplicateRequest(
            f"a request with the idempotency key {request.key!r} was first", hint="send it again"
        ) from None
    return request
