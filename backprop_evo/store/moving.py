"""How searches and evaluations move between states, in somebody's transaction; what moves with them.

A search is locked before its stages, and these in the order of their ids, so that no two transactions wait
for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from backprop_evo.errors import Conflict, IllegalTransition, NotFound, PreconditionFailed
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role, stage_id
from backprop_evo.search.lifecycle import EVALUATION_VERBS, TRANSITIONS, VERBS, Verb, legal_verbs
from backprop_evo.store.columns import Kind
from backprop_evo.store.endings import cancel_open_trials
from backprop_evo.store.events import add_event
from backprop_evo.store.tables import SEARCHES, TRIALS
from backprop_evo.store.telling import order_deliveries

VERBS_OF: Mapping[str, Mapping[str, Verb]] = {Kind.SEARCH: VERBS, Kind.EVALUATION: EVALUATION_VERBS}
PASSED_ON = {
    SearchState.PAUSED: SearchState.PAUSED,
    SearchState.RUNNING: SearchState.RUNNING,
    SearchState.STOPPING: SearchState.STOPPING,
    SearchState.CANCELLED: SearchState.CANCELLED,
    SearchState.FAILED: SearchState.CANCELLED,
}
"""Where a search goes, and where its stages go with it."""


def get_row(
    connection: Connection, search_id: str, kind: Kind | None = None, *, lock: bool = False
) -> Row[Any]:
    """One row; ``lock`` holds it until the end of the transaction. Raises ``NotFound``."""
    query = select(SEARCHES).where(SEARCHES.c.id == search_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or kind not in (None, row.kind):
        noun = kind or Kind.SEARCH
        plural = "searches" if noun is Kind.SEARCH else f"{noun}s"
        raise NotFound(f"no {noun} {search_id!r}", hint=f"list {plural} to see their ids")
    return row


def stage_rows(connection: Connection, search_id: str, *, lock: bool = False) -> Sequence[Row[Any]]:
    """The stages that the search has ordered; no transfer that somebody asked for."""
    ids = [stage_id(search_id, role) for role in Role]
    query = select(SEARCHES).where(SEARCHES.c.id.in_(ids)).order_by(SEARCHES.c.id)
    return connection.execute(query.with_for_update() if lock else query).all()


def get_at(
    connection: Connection, search_id: str, kind: Kind, expected: int | None, *, lock: bool = False
) -> Row[Any]:
    """``get_row`` at the version that somebody saw. Raises ``NotFound``, ``PreconditionFailed``."""
    row = get_row(connection, search_id, kind, lock=lock)
    if expected is not None and row.version != expected:
        raise PreconditionFailed(
            f"{row.kind} {row.id!r} is at version {row.version}, not {expected}: it changed in between",
            hint="read it again and decide anew",
        )
    return row


def check_legal(row: Row[Any], verb: Verb) -> None:
    """Raises ``IllegalTransition`` with the verbs that the present state allows."""
    if row.state not in verb.legal_in:
        raise _illegal(row, f"does not take the verb {verb.name!r}")


def move(
    connection: Connection,
    row: Row[Any],
    to: SearchState,
    now: datetime,
    reason: str | None = None,
    stranded: str | None = None,
) -> None:
    """One transition with all that goes with it. Raises ``IllegalTransition``."""
    if to not in TRANSITIONS[SearchState(row.state)]:
        raise _illegal(row, f"cannot become {to}")
    # Why it goes on is told by the event; the reason of a search is that of an end or a pause.
    change(connection, row, to, now, None if to is SearchState.RUNNING else reason, stranded)
    payload = {"from": row.state, **({"reason": reason} if reason else {})}
    if to in (SearchState.CANCELLED, SearchState.FAILED):
        # In the same transaction: no worker can begin a trial of a search that has ended.
        payload["cancelled_trials"] = cancel_open_trials(connection, row.id, now)
    elif row.state == SearchState.PAUSED:
        _forget_sent_messages(connection, row.id)
    _pass_on(connection, row, to, now)
    order_deliveries(connection, row, to, now, reason)
    add_event(connection, row.id, f"{row.kind}.{to}", now, payload)


def _pass_on(connection: Connection, search: Row[Any], to: SearchState, now: datetime) -> None:
    """What is asked of a search is asked of its stages too, as far as their states allow it."""
    if search.kind != Kind.SEARCH or to not in PASSED_ON:
        return
    to = PASSED_ON[to]
    for stage in stage_rows(connection, search.id, lock=True):
        state = SearchState(stage.state)
        if state is to is SearchState.PAUSED:
            keep_paused(connection, stage, now)
            continue
        # A search that runs has one that waits go on, and never begins one again that has ended.
        if state is SearchState.PAUSED if to is SearchState.RUNNING else to in TRANSITIONS[state]:
            move(connection, stage, to, now)


def keep_paused(connection: Connection, row: Row[Any], now: datetime) -> None:
    """What the service paused is now paused by somebody: it does not go on by itself."""
    if row.stranded is None:
        return
    connection.execute(
        update(SEARCHES).where(SEARCHES.c.id == row.id).values(stranded=None, version=row.version + 1)
    )
    add_event(connection, row.id, f"{row.kind}.paused", now, {"from": row.state})


def go_on(connection: Connection, row: Row[Any], now: datetime) -> None:
    """What has ended runs again: the only way back. A search takes a stage along that was stopped."""
    change(connection, row, SearchState.RUNNING, now, None)
    for stage in stage_rows(connection, row.id, lock=True):
        if stage.state == SearchState.STOPPED:
            go_on(connection, stage, now)
            add_event(connection, stage.id, f"{stage.kind}.running", now, {"from": "stopped"})


def _illegal(row: Row[Any], what: str) -> IllegalTransition:
    """The error for what the present state does not allow."""
    legal = [verb.name for verb in legal_verbs(SearchState(row.state), VERBS_OF[row.kind])]
    return IllegalTransition(
        f"{row.kind} {row.id!r} is {row.state} and {what}",
        legal=legal,
        hint=f"possible now: {', '.join(legal)}",
    )


def change(
    connection: Connection,
    row: Row[Any],
    to: SearchState,
    now: datetime,
    reason: str | None,
    stranded: str | None = None,
) -> None:
    """The bare change of state. Raises ``Conflict`` where somebody else was faster."""
    # What lies between two states is no time that was used: the next look counts anew.
    values: dict[str, Any] = {
        "state": to,
        "version": row.version + 1,
        "end_reason": reason,
        "stranded": stranded,
        "metered_at": None,
    }
    if to is SearchState.RUNNING:
        # A search that runs again keeps its first start.
        values |= {"started_at": row.started_at or now}
    if not to.is_terminal:
        # What goes on after its end is no longer put away.
        values |= {"ended_at": None, "archived_at": None}
    else:
        # An ended search must not look driven, or extending it would have to wait for the lease.
        values |= {"ended_at": now, "claimed_by": None, "claim_expires_at": None}
    changed = connection.execute(
        update(SEARCHES).where(SEARCHES.c.id == row.id, SEARCHES.c.state == row.state).values(**values)
    )
    if changed.rowcount != 1:
        raise Conflict(f"{row.kind} {row.id!r} changed in between", hint="read it again and decide anew")


def _forget_sent_messages(connection: Connection, search_id: str) -> None:
    """Workers dropped the messages of trials they met while the search was paused: they have to be sent
    again."""
    connection.execute(
        update(TRIALS).where(TRIALS.c.search_id == search_id, TRIALS.c.state == "queued").values(sent_at=None)
    )
