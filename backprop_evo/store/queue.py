"""The queue: which trials wait for a worker, and which of them a message was sent for."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, or_, select, update
from typing_extensions import override

from backprop_evo.records.counting import Share
from backprop_evo.records.nodes import Demand, Want
from backprop_evo.records.offering import Offer
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import NO_NODE_CAN
from backprop_evo.search.lifecycle import TRAINING
from backprop_evo.store.codec import decode_search_spec
from backprop_evo.store.columns import Kind
from backprop_evo.store.endings import HELD, IS_OPEN, IS_TRIAL
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import node_record, trial_record
from backprop_evo.store.tables import NODES, SEARCHES, TRIALS
from backprop_evo.store.trials_base import Queue

OF_A_LIVE_SEARCH = (
    select(SEARCHES.c.id).where(SEARCHES.c.id == TRIALS.c.search_id, SEARCHES.c.state.in_(TRAINING)).exists()
)

OFFERED = (
    select(TRIALS, SEARCHES.c.kind, SEARCHES.c.spec.label("spec_of_search"), SEARCHES.c.labels)
    .join(SEARCHES, SEARCHES.c.id == TRIALS.c.search_id)
    .where(IS_TRIAL)
)
OWN_NODE = select(NODES).where(NODES.c.name == bindparam("node"))


def is_due(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """The pause after a loss or a fault is over."""
    return or_(TRIALS.c.not_before.is_(None), TRIALS.c.not_before <= now)


@dataclass(frozen=True, slots=True)
class SqlQueue(Queue):
    """Messages may be lost and doubled; what is queued here decides."""

    database: Database

    @override
    def unsent(
        self,
        *,
        queued_before: datetime,
        search_id: str | None = None,
        was_sent: bool = False,
        limit: int = 1000,
    ) -> Sequence[str]:
        live = select(SEARCHES.c.id).where(SEARCHES.c.state.in_(TRAINING))
        query = (
            select(TRIALS.c.id)
            .where(
                IS_OPEN,
                TRIALS.c.search_id.in_(live) if search_id is None else TRIALS.c.search_id == search_id,
                TRIALS.c.state == TrialState.QUEUED,
                # What was sent long ago counts as lost; the broker is asked before it is sent again.
                (TRIALS.c.sent_at if was_sent else func.coalesce(TRIALS.c.sent_at, TRIALS.c.queued_at))
                <= queued_before,
                is_due(queued_before),
            )
            .order_by(TRIALS.c.row)
            .limit(limit)
        )
        with self.database.read() as connection:
            return connection.execute(query).scalars().all()

    @override
    def still_waiting(self, trial_ids: Collection[str]) -> Mapping[str, str]:
        asked = sorted(trial_ids)
        found: dict[str, str] = {}
        with self.database.read() as connection:
            # SQLite takes a limited number of values in one statement.
            for start in range(0, len(asked), 500):
                query = select(TRIALS.c.id, TRIALS.c.search_id).where(
                    TRIALS.c.id.in_(asked[start : start + 500]),
                    TRIALS.c.state == TrialState.QUEUED,
                    # One that was taken and given back between two looks has no message any more.
                    TRIALS.c.sent_at.is_not(None),
                )
                found |= {row.id: row.search_id for row in connection.execute(query)}
        return found

    @override
    def shares(self) -> Sequence[Share]:
        # Both are looks into the index of what is open, however much waits there.
        of_it = select(TRIALS.c.row).where(TRIALS.c.search_id == SEARCHES.c.id, IS_OPEN)
        waits = of_it.where(TRIALS.c.state == TrialState.QUEUED).exists()
        training = (
            of_it.with_only_columns(func.count())
            .where(TRIALS.c.state.in_(HELD))
            .correlate(SEARCHES)
            .scalar_subquery()
        )
        query = (
            select(SEARCHES.c.id, SEARCHES.c.priority, training.label("number"), SEARCHES.c.labels)
            .where(SEARCHES.c.state.in_(TRAINING), waits)
            .order_by(SEARCHES.c.created_at, SEARCHES.c.id)
        )
        with self.database.read() as connection:
            return [
                Share(row.id, row.priority, row.number, tuple(json.loads(row.labels)))
                for row in connection.execute(query)
            ]

    @override
    def mark_sent(self, trial_ids: Sequence[str], *, now: datetime) -> None:
        with self.database.write() as connection:
            # SQLite takes a limited number of values in one statement.
            for start in range(0, len(trial_ids), 500):
                chunk = trial_ids[start : start + 500]
                connection.execute(update(TRIALS).where(TRIALS.c.id.in_(chunk)).values(sent_at=now))

    @override
    def labels_asked(self, search_id: str) -> tuple[str, ...]:
        query = select(SEARCHES.c.labels).where(SEARCHES.c.id == search_id)
        with self.database.read() as connection:
            return tuple(json.loads(connection.execute(query).scalar_one_or_none() or "[]"))

    @override
    def wants(self) -> Sequence[Want]:
        waits = select(TRIALS.c.row).where(
            TRIALS.c.search_id == SEARCHES.c.id, IS_OPEN, TRIALS.c.state == TrialState.QUEUED
        )
        # What no node has is asked for although nothing of it is sent: the search waits for just that.
        asking = or_(SEARCHES.c.state.in_(TRAINING) & waits.exists(), SEARCHES.c.stranded == NO_NODE_CAN)
        query = select(SEARCHES.c.labels, SEARCHES.c.datasets).where(asking).distinct()
        with self.database.read() as connection:
            return [
                Want(tuple(json.loads(row.labels)), tuple(json.loads(row.datasets)))
                for row in connection.execute(query)
            ]

    @override
    def demand(self) -> Demand:
        live = select(SEARCHES.c.id).where(SEARCHES.c.state.in_(TRAINING))
        counting = (
            select(TRIALS.c.state, func.count().label("number"))
            # A training that outlives a pause is busy all the same.
            .where(IS_OPEN, or_(TRIALS.c.search_id.in_(live), TRIALS.c.state.in_(HELD)))
            .group_by(TRIALS.c.state)
        )
        with self.database.read() as connection:
            found = {TrialState(row.state): row.number for row in connection.execute(counting)}
        queued = found.pop(TrialState.QUEUED, 0)
        return Demand(queued=queued, running=sum(found.values()))

    @override
    def offer(self, trial_id: str, node: str) -> Offer | None:
        with self.database.read() as connection:
            row = connection.execute(OFFERED, {"trial": trial_id}).one_or_none()
            if row is None:
                return None
            here = connection.execute(OWN_NODE, {"node": node}).one_or_none()
        return Offer(
            trial=trial_record(row),
            search=decode_search_spec(row.spec_of_search) if row.kind == Kind.SEARCH else None,
            labels=tuple(json.loads(row.labels)),
            node=None if here is None else node_record(here, ()),
        )

    @override
    def is_wanted(self, trial_id: str) -> bool:
        query = select(TRIALS.c.id).where(
            TRIALS.c.id == trial_id, TRIALS.c.state == TrialState.QUEUED, OF_A_LIVE_SEARCH
        )
        with self.database.read() as connection:
            return connection.execute(query).one_or_none() is not None
