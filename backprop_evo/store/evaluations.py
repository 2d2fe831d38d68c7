"""Evaluations: what they have beyond everything that controllers drive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from typing_extensions import override

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.stored import EvaluationRecord, OutcomeRecord
from backprop_evo.search.lifecycle import ADD_SEEDS
from backprop_evo.store.base import Evaluations
from backprop_evo.store.columns import Kind
from backprop_evo.store.driven import SqlDriven
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import evaluation_record, outcome_record
from backprop_evo.store.tables import TRIALS


class SqlEvaluations(SqlDriven[EvaluationRecord], Evaluations):
    """Evaluations over SQL."""

    __slots__ = ()

    def __init__(self, database: Database) -> None:
        super().__init__(database, Kind.EVALUATION, evaluation_record)

    @override
    def add(self, spec: EvaluationSpec, *, now: datetime) -> EvaluationRecord:
        return self.store_new(spec, now)

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
