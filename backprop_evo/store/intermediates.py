"""Intermediate values of running trainings, each judged in the transaction that stores it.

The search's row is locked from giving out the report order to the commit, so that "stored before" is one
order for everybody and a judgement can be repeated from the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update
from typing_extensions import override

from backprop_evo.records.judging import IntermediateRecord
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import Lease
from backprop_evo.records.training import IntermediateValue
from backprop_evo.store.base import Intermediates, Judgement
from backprop_evo.store.endings import lock_leased
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import intermediate_record
from backprop_evo.store.tables import INTERMEDIATE_VALUES, SEARCHES, TRIALS

EVERY: Select[Any] = select(INTERMEDIATE_VALUES, TRIALS.c.purpose, TRIALS.c.individual).join(
    TRIALS, TRIALS.c.id == INTERMEDIATE_VALUES.c.trial_id
)


@dataclass(frozen=True, slots=True)
class SqlIntermediates(Intermediates):
    """Append only."""

    database: Database

    @override
    def report(
        self, lease: Lease, value: IntermediateValue, *, judge: Judgement, now: datetime
    ) -> IntermediateRecord | None:
        with self.database.write() as connection:
            trial = lock_leased(connection, lease)
            if trial is None:
                return None
            known = _of_step(connection, lease.trial_id, value.step)
            # A second attempt at the same trial reports the same steps again; what was decided of them
            # stands, or a replay would see two judgements.
            if known is not None:
                return known
            values = INTERMEDIATE_VALUES.c
            peers = EVERY.where(values.search_id == trial.search_id, values.rung == value.rung)
            earlier = (
                _records(connection, peers.order_by(values.report_order)) if value.rung is not None else []
            )
            judged = judge(Purpose(trial.purpose), trial.individual, earlier)
            connection.execute(
                insert(INTERMEDIATE_VALUES).values(
                    trial_id=lease.trial_id,
                    step=value.step,
                    search_id=trial.search_id,
                    # The search's row is locked: values are numbered in the order in which they were judged.
                    report_order=_next_report(connection, trial.search_id),
                    rung=value.rung,
                    validation_accuracy=value.validation_accuracy,
                    train_loss=value.train_loss,
                    pruned=judged.pruned,
                    spared=judged.spared,
                    at=now,
                )
            )
            return _of_step(connection, lease.trial_id, value.step)

    @override
    def of(self, search_id: str, *, after: int = 0) -> Sequence[IntermediateRecord]:
        values = INTERMEDIATE_VALUES.c
        query = EVERY.where(values.search_id == search_id, values.report_order > after)
        with self.database.read() as connection:
            return _records(connection, query.order_by(values.report_order))

    @override
    def of_trial(self, trial_id: str) -> Sequence[IntermediateRecord]:
        values = INTERMEDIATE_VALUES.c
        query = EVERY.where(values.trial_id == trial_id)
        with self.database.read() as connection:
            return _records(connection, query.order_by(values.step))

    @override
    def spared(self, trial_ids: Collection[str]) -> Mapping[str, str]:
        values = INTERMEDIATE_VALUES.c
        query = select(values.trial_id, values.spared).where(
            values.trial_id.in_(trial_ids), values.spared.is_not(None)
        )
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(values.step)).all()
        return {row.trial_id: row.spared for row in rows}


def _records(connection: Connection, query: Select[Any]) -> list[IntermediateRecord]:
    return [intermediate_record(row) for row in connection.execute(query)]


def _of_step(connection: Connection, trial_id: str, step: int) -> IntermediateRecord | None:
    values = INTERMEDIATE_VALUES.c
    found = _records(connection, EVERY.where(values.trial_id == trial_id, values.step == step))
    return found[0] if found else None


def _next_report(connection: Connection, search_id: str) -> int:
    order: int = connection.execute(
        update(SEARCHES)
        .where(SEARCHES.c.id == search_id)
        .values(reports=SEARCHES.c.reports + 1)
        .returning(SEARCHES.c.reports)
    ).scalar_one()
    return order
