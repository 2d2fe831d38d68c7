"""Heartbeats of the machines that run workers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from typing_extensions import override

from backprop_evo.records.stored import NodeRecord, node_of
from backprop_evo.store.base import Nodes
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import node_record
from backprop_evo.store.tables import NODES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlNodes(Nodes):
    """One row a node; how many of its slots train is counted from the leases of its workers."""

    database: Database

    @override
    def record_heartbeat(self, node: NodeRecord) -> None:
        values = {
            "slots": node.slots,
            "devices": json.dumps(list(node.devices)),
            "code_version": node.code_version,
            "started_at": node.started_at,
            "seen_at": node.seen_at,
        }
        with self.database.write() as connection:
            known = connection.execute(update(NODES).where(NODES.c.name == node.name).values(**values))
            # A node writes only its own row, so that nobody can insert it in between.
            if known.rowcount == 0:
                connection.execute(insert(NODES).values(name=node.name, **values))

    @override
    def alive(self, *, seen_after: datetime) -> Sequence[NodeRecord]:
        with self.database.read() as connection:
            busy = _busy_slots(connection)
            rows = connection.execute(
                select(NODES).where(NODES.c.seen_at > seen_after).order_by(NODES.c.name)
            )
            return [node_record(row, busy.get(row.name, 0)) for row in rows]


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
