"""Heartbeats of the machines that run workers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from backprop_evo.records.stored import NodeRecord, node_of
from backprop_evo.store.rows import node_record
from backprop_evo.store.tables import NODES, TRIALS


def beat(connection: Connection, node: NodeRecord) -> None:
    values = {
        "slots": node.slots,
        "devices": json.dumps(list(node.devices)),
        "code_version": node.code_version,
        "started_at": node.started_at,
        "seen_at": node.seen_at,
    }
    known = connection.execute(update(NODES).where(NODES.c.name == node.name).values(**values))
    if known.rowcount == 0:
        connection.execute(insert(NODES).values(name=node.name, **values))


def list_nodes(connection: Connection, *, seen_after: datetime) -> Sequence[NodeRecord]:
    """``busy`` is counted from the leases of workers named ``node/…``."""
    busy: dict[str, int] = {}
    held = (
        select(TRIALS.c.worker, func.count())
        .where(TRIALS.c.lease_expires_at.is_not(None))
        .group_by(TRIALS.c.worker)
    )
    for worker, count in connection.execute(held):
        name = node_of(str(worker))
        busy[name] = busy.get(name, 0) + count
    rows = connection.execute(select(NODES).where(NODES.c.seen_at > seen_after).order_by(NODES.c.name))
    return [node_record(row, busy.get(row.name, 0)) for row in rows]
