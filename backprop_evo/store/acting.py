"""Who acts: what is committed for a request is noted by the same transaction, so that no crash comes between
an act and its row in the audit trail.

The present act is known by a context variable that the API sets, so that no use case has to carry it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert

from backprop_evo.records.callers import ActOutcome
from backprop_evo.store.caller_tables import AUDIT

#: A year and a month: two yearly reviews overlap. The table stays bounded without anybody looking after it.
KEPT_FOR = timedelta(days=400)

#: As long as the column; a target that is longer names nothing that exists.
MAX_TARGET = 200
MAX_DETAIL = 500


@dataclass(slots=True, kw_only=True)
class Act:
    """One request that may change something. ``caller`` is the id of its API key and ``label`` the key's
    name, both empty where none was demanded; ``made`` are the resources that it made so far; ``refusal`` says
    why it was refused. ``is_noted``: something was committed in its name, and so is the act."""

    caller: str
    label: str
    address: str
    request_id: str
    verb: str
    target: str
    at: datetime
    made: list[str] = field(default_factory=list)
    refusal: str = ""
    is_noted: bool = False


_CURRENT: ContextVar[Act | None] = ContextVar("act", default=None)


@contextmanager
def acting(act: Act) -> Iterator[None]:
    """What is committed inside is committed as a part of this act."""
    token = _CURRENT.set(act)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_act() -> Act | None:
    """The one that is under way here; None for what controllers and workers do."""
    return _CURRENT.get()


def current_owner() -> str | None:
    """Whose it is what is made now: the name of the key; None where there is no key."""
    act = _CURRENT.get()
    return act.label or None if act is not None else None


def tell_made(noun: str, new_id: str) -> None:
    """The present act, if there is one, makes this resource."""
    act = _CURRENT.get()
    if act is not None:
        act.made.append(f"{noun}/{new_id}")


def insert_act(connection: Connection, act: Act, outcome: ActOutcome) -> None:
    """One row; rows older than ``KEPT_FOR`` go."""
    # Who looks for what happened to a thing finds its making too.
    is_making = act.verb == "create" and bool(act.made)
    target, others = (act.made[0], act.made[1:]) if is_making else (act.target, act.made)
    detail = act.refusal if outcome is ActOutcome.REFUSED else f"made {', '.join(others)}" if others else ""
    connection.execute(delete(AUDIT).where(AUDIT.c.at < act.at - KEPT_FOR))
    connection.execute(
        insert(AUDIT).values(
            at=act.at,
            caller=act.caller,
            label=act.label,
            address=act.address[:64],
            request_id=act.request_id,
            verb=act.verb[:64],
            target=target[:MAX_TARGET],
            outcome=outcome,
            detail=_storable(detail)[:MAX_DETAIL],
        )
    )


def _storable(text: str) -> str:
    """A refusal may quote what no database can hold, which is why it is one."""
    return text.encode(errors="replace").decode().replace("\0", "?")


def note_current_act(connection: Connection) -> Act | None:
    """Last in a transaction: note the present act; None where it was noted, or there is none. The caller sets
    ``is_noted`` once the transaction is committed."""
    act = _CURRENT.get()
    if act is None or act.is_noted:
        return None
    insert_act(connection, act, ActOutcome.DONE)
    return act
