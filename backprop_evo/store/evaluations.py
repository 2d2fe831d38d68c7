"""Evaluations: what they have beyond everything that controllers drive, and how a search orders one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update
from typing_extensions import override

from backprop_evo.errors import Conflict, InvalidSettings
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import EvaluationRecord, OutcomeRecord, Role, stage_id
from backprop_evo.search.lifecycle import ADD_SEEDS
from backprop_evo.store.codec import encode
from backprop_evo.store.columns import Kind
from backprop_evo.store.confirming import STAGE_EVENTS
from backprop_evo.store.driven import SqlDriven
from backprop_evo.store.driven_base import Evaluations
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_event
from backprop_evo.store.moving import get_at, go_on, stage_rows
from backprop_evo.store.rows import evaluation_record, outcome_record
from backprop_evo.store.tables import SEARCHES, TRIALS


class SqlEvaluations(SqlDriven[EvaluationRecord], Evaluations):
    """Evaluations over SQL."""

    __slots__ = ()

    def __init__(self, database: Database) -> None:
        super().__init__(database, Kind.EVALUATION, evaluation_record)

    @override
    def add(
        self,
        spec: EvaluationSpec,
        *,
        now: datetime,
        search_id: str | None = None,
        role: Role | None = None,
    ) -> EvaluationRecord:
        return self.store_new(spec, now, search_id=search_id, role=role)

    @override
    def extend(
        self, search_id: str, *, seeds: int, now: datetime, expected_version: int | None = None
    ) -> EvaluationRecord:
        if seeds < 1:
            raise InvalidSettings("seeds to add must be at least 1", field="seeds")

        def more(evaluation: EvaluationRecord) -> int:
            replace(evaluation.spec, seeds=evaluation.seeds + seeds)  # raises where that is too much
            return evaluation.spec.trainings_a_seed * seeds

        return self.raise_total(search_id, ADD_SEEDS, more, now=now, expected_version=expected_version)

    @override
    def outcomes(self, evaluation_id: str) -> Sequence[OutcomeRecord]:
        numbers = (TRIALS.c.validation_accuracy, TRIALS.c.test_accuracy)
        query: Select[Any] = (
            select(TRIALS.c.individual, TRIALS.c.spec, TRIALS.c.seed, TRIALS.c.state, *numbers)
            .where(TRIALS.c.search_id == evaluation_id, TRIALS.c.finish_order.is_not(None))
            .order_by(TRIALS.c.finish_order)
        )
        with self.database.read() as connection:
            return [outcome_record(row) for row in connection.execute(query)]

    @override
    def of_search(self, search_id: str) -> Sequence[EvaluationRecord]:
        query = (
            select(SEARCHES)
            .where(SEARCHES.c.search_id == search_id)
            .order_by(SEARCHES.c.created_at.desc(), SEARCHES.c.id.desc())
        )
        with self.database.read() as connection:
            return [evaluation_record(row) for row in connection.execute(query)]

    @override
    def stages_of(self, search_id: str) -> Mapping[Role, EvaluationRecord]:
        with self.database.read() as connection:
            return {Role(row.role): evaluation_record(row) for row in stage_rows(connection, search_id)}

    @override
    def order(
        self,
        search_id: str,
        controller: str,
        role: Role,
        spec: EvaluationSpec,
        *,
        now: datetime,
        expected_version: int | None = None,
    ) -> EvaluationRecord:
        with self.database.write() as connection:
            # Locked until the commit, as where anything is decided of a search: nobody pauses or cancels it
            # between the look at its state and the order.
            search = get_at(connection, search_id, Kind.SEARCH, expected_version, lock=True)
            if search.claimed_by != controller:
                raise Conflict(f"search {search_id!r} is driven by {search.claimed_by}, not by {controller}")
            if search.state != SearchState.RUNNING:
                raise Conflict(f"search {search_id!r} is {search.state}: nothing is ordered")
            for found in stage_rows(connection, search_id, lock=True):
                if found.role == role:
                    _change_order(connection, found, spec, now)
                    return self._read(connection, found.id)
            new_id = stage_id(search_id, role)
            belonging = {"search_id": search_id, "role": role, "owner": search.owner}
            ordered = self.insert_new(connection, spec, now, new_id, **belonging)
            told = {"evaluation": new_id, "trials_done": 0, "trials": ordered.trials_total}
            add_event(connection, search_id, STAGE_EVENTS[role], now, told)
            return ordered


def _change_order(connection: Connection, row: Row[object], spec: EvaluationSpec, now: datetime) -> None:
    """The methods that ``spec`` has beyond those of the row, and its seeds; one that was cancelled or failed
    stays so, and seeds alone begin none again."""
    evaluation = evaluation_record(row)
    if spec == evaluation.spec or evaluation.state in (SearchState.CANCELLED, SearchState.FAILED):
        return
    if spec.rows[: len(evaluation.spec.rows)] != evaluation.spec.rows:
        raise Conflict(f"evaluation {evaluation.id!r} holds other methods: somebody ordered in between")
    if evaluation.state.is_terminal:
        if spec.rows == evaluation.spec.rows:
            return
        go_on(connection, row, now)
    # Those that somebody added stay.
    total = spec.trainings_a_seed * (evaluation.seeds + spec.seeds - evaluation.spec.seeds)
    connection.execute(
        update(SEARCHES)
        .where(SEARCHES.c.id == evaluation.id)
        .values(spec=encode(spec), trials_total=total, version=SEARCHES.c.version + 1)
    )
    add_event(connection, evaluation.id, "evaluation.extended", now, {"trials_total": total})
