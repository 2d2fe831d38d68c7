"""Heartbeats of the machines that run workers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, case, func, insert, select, update
from typing_extensions import override

from backprop_evo.records.nodes import NodeRecord, node_of
from backprop_evo.store.base import Nodes
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import node_record
from backprop_evo.store.tables import NODES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlNodes(Nodes):
    """One row a node; how many of its slots train is counted from the leases of its workers."""

    database: Database

    @override
    def record_heartbeat(self, node: NodeRecord) -> NodeRecord:
        values = {
            "slots": node.slots,
            "devices": json.dumps(list(node.devices)),
            "code_version": node.code_version,
            "started_at": node.started_at,
            "seen_at": node.seen_at,
            "datasets": None if node.datasets is None else json.dumps(list(node.datasets)),
            "free_memory_mib": node.free_memory_mib,
        }
        with self.database.write() as connection:
            known = connection.execute(update(NODES).where(NODES.c.name == node.name).values(**values))
            # A node writes only its own row, so that nobody can insert it in between.
            if known.rowcount == 0:
                connection.execute(insert(NODES).values(name=node.name, **values))
            return node_record(connection.execute(_named(node.name)).one(), node.busy)

    @override
    def find(self, name: str) -> NodeRecord | None:
        with self.database.read() as connection:
            row = connection.execute(_named(name)).one_or_none()
            return None if row is None else node_record(row, _busy_slots(connection).get(name, 0))

    @override
    def count_fault(self, name: str, reason: str, *, quarantine_after: int) -> NodeRecord | None:
        faults = NODES.c.faults + 1
        # The first reason stays: what follows it is what a node in quarantine still had under way.
        to_quarantine = NODES.c.quarantine.is_(None) & (faults >= quarantine_after)
        counting = (
            update(NODES)
            .where(NODES.c.name == name)
            .values(
                faults=faults,
                quarantine=case(
                    (to_quarantine, f"{quarantine_after} faults in a row; the last: {reason}"),
                    else_=NODES.c.quarantine,
                ),
            )
        )
        with self.database.write() as connection:
            connection.execute(counting)
            row = connection.execute(_named(name)).one_or_none()
            return None if row is None else node_record(row, 0)

    @override
    def note_self_test(self, name: str, fault: str | None) -> None:
        values = {"quarantine": None, "faults": 0} if fault is None else {"quarantine": fault}
        with self.database.write() as connection:
            # One that somebody let return meanwhile is not brought back.
            there = (NODES.c.name == name, NODES.c.quarantine.is_not(None))
            connection.execute(update(NODES).where(*there).values(**values))

    @override
    def alive(self, *, seen_after: datetime) -> Sequence[NodeRecord]:
        with self.database.read() as connection:
            busy = _busy_slots(connection)
            rows = connection.execute(
                select(NODES).where(NODES.c.seen_at > seen_after).order_by(NODES.c.name)
            )
            return [node_record(row, busy.get(row.name, 0)) for row in rows]


def forget_faults(connection: Connection, name: str) -> None:
    """A training came to a result there: its faults were not in a row."""
    connection.execute(update(NODES).where(NODES.c.name == name, NODES.c.faults > 0).values(faults=0))


def _named(name: str) -> Select[Any]:
    return select(NODES).where(NODES.c.name == name)


def _busy_slots(connection: Connection) -> dict[str, int]:
    """Leases by node; workers are named ``node/…``."""
    busy: dict[str, int] = {}
    held = (
        select(TRIALS.c.worker, func.count())
        .where(TRIALS.c.lease_expires_at.is_not(None))
        .group_by(TRIALS.c.worker)
    )
    for worker, count in connection.execute(held):
        name = node_of(str(worker))
        busy[name] = busy.get(name, 0) + count
    return busy
