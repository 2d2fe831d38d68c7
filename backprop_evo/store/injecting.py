"""Equations that people put into a search: they wait here until its controller proposes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, String, and_, cast, func, insert, select, update
from typing_extensions import override

from backprop_evo.errors import Conflict
from backprop_evo.records.states import TrialState
from backprop_evo.records.steering import MAX_WAITING, Injection, InjectionRecord
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.budget import COUNTED
from backprop_evo.search.lifecycle import INJECT
from backprop_evo.store.columns import Kind
from backprop_evo.store.endings import IS_OPEN
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_event
from backprop_evo.store.moving import check_legal, get_at, get_row
from backprop_evo.store.rows import search_record
from backprop_evo.store.steering_base import Injections
from backprop_evo.store.tables import INDIVIDUALS, INJECTIONS, SEARCHES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlInjections(Injections):
    """The controller's transaction that stores an individual says here which it became."""

    database: Database

    @override
    def add(
        self,
        search_id: str,
        equations: Sequence[Injection],
        *,
        now: datetime,
        expected_version: int | None = None,
    ) -> SearchRecord:
        with self.database.write() as connection:
            search = get_at(connection, search_id, Kind.SEARCH, expected_version, lock=True)
            check_legal(search, INJECT)
            _check_room(connection, search, equations)
            first = search.injections + 1
            connection.execute(
                insert(INJECTIONS),
                [
                    {
                        "search_id": search_id,
                        "place": place,
                        "equation": each.equation,
                        "fingerprint": each.fingerprint,
                        "hopeless": each.hopeless,
                        "injected_at": now,
                    }
                    for place, each in enumerate(equations, first)
                ],
            )
            connection.execute(
                update(SEARCHES)
                .where(SEARCHES.c.id == search_id)
                .values(injections=search.injections + len(equations), version=search.version + 1)
            )
            told = {"first": first, "last": first + len(equations) - 1}
            add_event(connection, search_id, "search.injected", now, told)
            return search_record(get_row(connection, search_id))

    @override
    def of(self, search_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[InjectionRecord]:
        own, same = INDIVIDUALS.alias("own"), INDIVIDUALS.alias("same")
        known = (
            select(func.min(same.c.number))
            .where(same.c.search_id == INJECTIONS.c.search_id, same.c.fingerprint == INJECTIONS.c.fingerprint)
            .correlate(INJECTIONS)
            .scalar_subquery()
        )
        query = (
            select(INJECTIONS, own.c.twin, own.c.screened_out, TRIALS.c.state, known.label("known"))
            .outerjoin(
                own,
                and_(own.c.search_id == INJECTIONS.c.search_id, own.c.number == INJECTIONS.c.individual),
            )
            .outerjoin(
                TRIALS, TRIALS.c.id == INJECTIONS.c.search_id + "." + cast(INJECTIONS.c.individual, String)
            )
            .where(INJECTIONS.c.search_id == search_id, INJECTIONS.c.place > after)
            .order_by(INJECTIONS.c.place)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_injection_record(row) for row in connection.execute(query)]


def _check_room(connection: Connection, search: Row[Any], equations: Sequence[Injection]) -> None:
    """Raises ``Conflict`` where the budget has no room for all that are new, or too many wait."""
    waiting = connection.execute(
        select(INJECTIONS.c.fingerprint, INJECTIONS.c.hopeless).where(
            INJECTIONS.c.search_id == search.id, INJECTIONS.c.individual.is_(None)
        )
    ).all()
    if len(waiting) + len(equations) > MAX_WAITING:
        raise Conflict(
            f"search {search.id!r} has {len(waiting)} equations that wait, and at most {MAX_WAITING} may",
            hint="send the others when these have their place",
        )
    to_train = {each.fingerprint for each in waiting if each.hopeless is None}
    to_train |= {each.fingerprint for each in equations if each.hopeless is None}
    known = select(INDIVIDUALS.c.fingerprint).where(
        INDIVIDUALS.c.search_id == search.id, INDIVIDUALS.c.fingerprint.in_(to_train)
    )
    needed = len(to_train - set(connection.execute(known).scalars()))
    sent = (
        search.trials_done
        + connection.execute(
            select(func.count()).where(
                TRIALS.c.search_id == search.id, IS_OPEN, TRIALS.c.purpose.in_(COUNTED)
            )
        ).scalar_one()
    )
    room = max(0, search.trials_total - sent)
    if needed > room:
        raise Conflict(
            f"search {search.id!r} has room for {room} more trainings in its budget, and these equations ask "
            f"for {needed}",
            hint=f"extend it by {needed - room} trials first, or send fewer",
        )


def note_proposed(connection: Connection, search_id: str, numbers: Sequence[int]) -> None:
    """Those that wait longest became the individuals of these numbers; part of the transaction that stores
    them."""
    if not numbers:
        return
    waiting = (
        select(INJECTIONS.c.place)
        .where(INJECTIONS.c.search_id == search_id, INJECTIONS.c.individual.is_(None))
        .order_by(INJECTIONS.c.place)
        .limit(len(numbers))
    )
    for place, number in zip(connection.execute(waiting).scalars().all(), numbers, strict=True):
        connection.execute(
            update(INJECTIONS)
            .where(INJECTIONS.c.search_id == search_id, INJECTIONS.c.place == place)
            .values(individual=number)
        )


def _injection_record(row: Row[Any]) -> InjectionRecord:
    waits = row.individual is None
    return InjectionRecord(
        search_id=row.search_id,
        place=row.place,
        equation=row.equation,
        fingerprint=row.fingerprint,
        injected_at=row.injected_at,
        individual=row.individual,
        twin=row.known if waits else row.twin,
        screened_out=row.hopeless if waits and row.known is None else row.screened_out,
        state=TrialState(row.state) if row.state else None,
    )
