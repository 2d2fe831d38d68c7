"""What controllers propose: stored with the trials that it needs, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Connection, Row, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from backprop_evo.errors import Conflict
from backprop_evo.records.stored import Accuracies, IndividualRecord, Origin, TrialRecord
from backprop_evo.search.lifecycle import TRAINING
from backprop_evo.store.base import Individuals
from backprop_evo.store.codec import encode
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_events
from backprop_evo.store.injecting import note_proposed
from backprop_evo.store.leaderboard_counting import accuracies_from
from backprop_evo.store.moving import get_row
from backprop_evo.store.rows import individual_record, method_values
from backprop_evo.store.tables import INDIVIDUALS, LEADERBOARD, SEARCHES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlIndividuals(Individuals):
    """Only the controller that holds a search's claim writes here."""

    database: Database

    @override
    def record(
        self,
        search_id: str,
        controller: str,
        individuals: Sequence[IndividualRecord],
        trials: Sequence[TrialRecord],
        *,
        now: datetime,
    ) -> None:
        with self.database.write() as connection:
            # Locked until the commit: no other controller can take the claim over while this one writes under
            # it.
            search = get_row(connection, search_id, lock=True)
            _check_may_decide(search, controller)
            try:
                if individuals:
                    connection.execute(
                        insert(INDIVIDUALS), [_individual_values(each) for each in individuals]
                    )
                if trials:
                    connection.execute(insert(TRIALS), [_trial_values(each) for each in trials])
            # The number of an individual and the id of a trial are derived from what was decided: a second
            # controller that decided the same collides here instead of doubling it.
            except IntegrityError as error:
                raise Conflict(
                    f"search {search_id!r}: somebody else decided in between ({error.orig})"
                ) from None
            injected = [each.number for each in individuals if each.origin is Origin.INJECTED]
            note_proposed(connection, search_id, injected)
            _count_screened(connection, search, individuals)
            add_events(connection, search_id, now, _events_of(individuals, trials))

    @override
    def of(self, search_id: str, *, after: int = -1, limit: int | None = None) -> Sequence[IndividualRecord]:
        query = (
            select(INDIVIDUALS)
            .where(INDIVIDUALS.c.search_id == search_id, INDIVIDUALS.c.number > after)
            .order_by(INDIVIDUALS.c.number)
        )
        with self.database.read() as connection:
            rows = connection.execute(query.limit(limit) if limit else query)
            return [individual_record(row) for row in rows]

    @override
    def count(self, search_id: str) -> int:
        # By the primary key: numbers have no gaps.
        last = select(func.max(INDIVIDUALS.c.number)).where(INDIVIDUALS.c.search_id == search_id)
        with self.database.read() as connection:
            number = connection.execute(last).scalar_one()
            return 0 if number is None else number + 1

    @override
    def ancestors(
        self, search_id: str, numbers: Collection[int], *, limit: int = 200, steps: int | None = None
    ) -> Sequence[IndividualRecord]:
        # Every step back brings one individual at least.
        found = _chain(search_id, numbers, limit if steps is None else steps)
        nearest = select(found.c.number, func.min(found.c.depth).label("depth")).group_by(found.c.number)
        near = nearest.subquery()
        query = (
            select(INDIVIDUALS)
            .join(near, near.c.number == INDIVIDUALS.c.number)
            .where(INDIVIDUALS.c.search_id == search_id)
            .order_by(near.c.depth, INDIVIDUALS.c.number.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            return [individual_record(row) for row in connection.execute(query)]

    @override
    def fitnesses(self, search_id: str, numbers: Collection[int]) -> Mapping[int, Accuracies]:
        columns = LEADERBOARD.c.individual, LEADERBOARD.c.search_n, LEADERBOARD.c.search_fitness
        query = select(*columns, LEADERBOARD.c.search_m2).where(
            LEADERBOARD.c.search_id == search_id,
            LEADERBOARD.c.individual.in_(numbers),
            LEADERBOARD.c.search_n > 0,
        )
        with self.database.read() as connection:
            return {number: accuracies_from(*told) for number, *told in connection.execute(query)}

    @override
    def first_of(self, search_id: str, fingerprints: Collection[str]) -> Mapping[str, IndividualRecord]:
        if not fingerprints:
            return {}
        query = select(INDIVIDUALS).where(
            INDIVIDUALS.c.fingerprint.in_(fingerprints),
            INDIVIDUALS.c.search_id == search_id,
            IS_FIRST,
        )
        with self.database.read() as connection:
            return {row.fingerprint: individual_record(row) for row in connection.execute(query)}

    @override
    def of_behaviour(self, fingerprint: str, *, limit: int = 20) -> Sequence[IndividualRecord]:
        query = (
            select(INDIVIDUALS)
            .where(
                INDIVIDUALS.c.fingerprint == fingerprint, IS_FIRST, INDIVIDUALS.c.origin != Origin.EVALUATED
            )
            .order_by(INDIVIDUALS.c.created_at.desc(), INDIVIDUALS.c.search_id)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [individual_record(row) for row in connection.execute(query)]


IS_FIRST = INDIVIDUALS.c.twin.is_(None) & INDIVIDUALS.c.remeasures.is_(None)
"""Of its behaviour in its search; one whose fingerprint was known is a twin, or measures another again."""


def _chain(search_id: str, numbers: Collection[int], steps: int) -> CTE:
    """``number`` and ``depth`` of what these came from, so many steps back. Who came from whom is told by
    numbers alone, so that each step is a look at the primary key."""
    columns = [INDIVIDUALS.c[name] for name in ("number", "parent", "twin", "remeasures")]
    chain = (
        select(*columns, literal(0).label("depth"))
        .where(INDIVIDUALS.c.search_id == search_id, INDIVIDUALS.c.number.in_(numbers))
        .cte("chain", recursive=True)
    )
    older = INDIVIDUALS.alias("older")
    return chain.union(
        select(*(older.c[column.name] for column in columns), chain.c.depth + 1)
        .join(chain, older.c.number.in_((chain.c.parent, chain.c.twin, chain.c.remeasures)))
        .where(
            older.c.search_id == search_id,
            # What came before has a smaller number: whatever was stored, this ends. Without the sum SQLite
            # would look the smaller numbers up in the index, which are all.
            older.c.number + 0 < chain.c.number,
            chain.c.depth < steps,
        )
    )


def _check_may_decide(search: Row[Any], controller: str) -> None:
    if search.claimed_by != controller:
        raise Conflict(f"search {search.id!r} is driven by {search.claimed_by}, not by {controller}")
    if search.state not in TRAINING:
        raise Conflict(f"search {search.id!r} is {search.state}: nothing new is decided")


def _count_screened(
    connection: Connection, search: Row[Any], individuals: Sequence[IndividualRecord]
) -> None:
    screened_out = sum(each.screened_out is not None for each in individuals)
    if screened_out:
        connection.execute(
            update(SEARCHES)
            .where(SEARCHES.c.id == search.id)
            .values(screened_out=SEARCHES.c.screened_out + screened_out, version=SEARCHES.c.version + 1)
        )


def _events_of(
    individuals: Sequence[IndividualRecord], trials: Sequence[TrialRecord]
) -> list[tuple[str, dict[str, object]]]:
    events: list[tuple[str, dict[str, object]]] = []
    if individuals:
        numbers = [each.number for each in individuals]
        screened_out = [each.number for each in individuals if each.screened_out is not None]
        told = {"first": min(numbers), "last": max(numbers)}
        events.append(
            ("individuals.proposed", told | ({"screened_out": screened_out} if screened_out else {}))
        )
    return events + [
        ("trial.queued", {"trial": each.id, "individual": each.individual, "purpose": each.purpose.value})
        for each in trials
    ]


def _individual_values(individual: IndividualRecord) -> dict[str, Any]:
    return {
        "search_id": individual.search_id,
        "number": individual.number,
        "origin": individual.origin,
        **method_values(individual.method),
        "canonical": individual.canonical or "",
        "fingerprint": individual.fingerprint,
        "parent": individual.parent,
        "twin": individual.twin,
        "mutation": individual.mutation,
        "finishes_known": individual.finishes_known,
        "created_at": individual.created_at,
        "screened_out": individual.screened_out,
        "inherited_step": individual.inherited_step,
        "remeasures": individual.remeasures,
    }


def _trial_values(trial: TrialRecord) -> dict[str, Any]:
    return {
        "id": trial.id,
        "search_id": trial.search_id,
        "individual": trial.individual,
        **method_values(trial.method),
        "fingerprint": trial.fingerprint,
        "purpose": trial.purpose,
        "spec": encode(trial.spec),
        "seed": trial.seed,
        "state": trial.state,
        "fence": trial.fence,
        "created_at": trial.created_at,
        "queued_at": trial.queued_at,
    }
