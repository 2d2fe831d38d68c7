"""Heartbeats of the machines that run workers."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, delete, insert, select, update
from typing_extensions import override

from backprop_evo.errors import NotFound
from backprop_evo.records.nodes import NodeRecord, NodeWish, SlotTraining, node_of, slot_of
from backprop_evo.store.base import Nodes
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_event
from backprop_evo.store.rows import node_record
from backprop_evo.store.tables import NODES, TRIALS


@dataclass(frozen=True, slots=True)
class SqlNodes(Nodes):
    """One row a node; what its slots train is read from the leases of its workers."""

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
            "own_labels": json.dumps(list(node.own_labels)),
            "fetches": node.fetches,
            "fetching": node.fetching,
            "fetch_faults": json.dumps(dict(node.fetch_faults)),
        }
        with self.database.write() as connection:
            known = connection.execute(update(NODES).where(NODES.c.name == node.name).values(**values))
            # A node writes only its own row, so that nobody can insert it in between.
            if known.rowcount == 0:
                connection.execute(insert(NODES).values(name=node.name, **values))
            return node_record(connection.execute(_named(node.name)).one(), node.training)

    @override
    def find(self, name: str) -> NodeRecord | None:
        with self.database.read() as connection:
            row = connection.execute(_named(name)).one_or_none()
            return None if row is None else node_record(row, _training(connection)[name])

    @override
    def wish(self, name: str) -> NodeWish | None:
        with self.database.read() as connection:
            row = connection.execute(_named(name)).one_or_none()
            return None if row is None else node_record(row, ()).wish

    @override
    def ask(self, name: str, wanted: Mapping[str, object], *, now: datetime) -> NodeRecord:
        columns = {"slots": "wanted_slots", "labels": "wanted_labels"}
        values = {columns.get(field, field): value for field, value in wanted.items()}
        if values.get("wanted_labels") is not None:
            values["wanted_labels"] = json.dumps(wanted["labels"])
        with self.database.write() as connection:
            asked = connection.execute(update(NODES).where(NODES.c.name == name).values(**values))
            if asked.rowcount == 0:
                raise NotFound(f"no node {name!r}", hint="list the nodes to see their names")
            add_event(connection, None, "node.asked", now, {"node": name, **wanted})
            return node_record(connection.execute(_named(name)).one(), _training(connection)[name])

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
            return None if row is None else node_record(row, ())

    @override
    def note_self_test(self, name: str, fault: str | None, *, now: datetime) -> None:
        passed: dict[str, Any] = {"quarantine": None, "faults": 0, "tested_at": now}
        values = passed if fault is None else {"quarantine": fault}
        with self.database.write() as connection:
            # One that somebody let return meanwhile is not brought back.
            there = (NODES.c.name == name, NODES.c.quarantine.is_not(None))
            connection.execute(update(NODES).where(*there).values(**values))

    @override
    def alive(self, *, seen_after: datetime) -> Sequence[NodeRecord]:
        return self._records(select(NODES).where(NODES.c.seen_at > seen_after))

    @override
    def all(self) -> Sequence[NodeRecord]:
        return self._records(select(NODES))

    def _records(self, query: Select[Any]) -> Sequence[NodeRecord]:
        with self.database.read() as connection:
            training = _training(connection)
            rows = connection.execute(query.order_by(NODES.c.name))
            return [node_record(row, training[row.name]) for row in rows]

    @override
    def forget(self, *, seen_before: datetime) -> Sequence[str]:
        with self.database.write() as connection:
            gone = delete(NODES).where(NODES.c.seen_at < seen_before).returning(NODES.c.name)
            return sorted(connection.execute(gone).scalars())


FORGET_FAULTS = update(NODES).where(NODES.c.name == bindparam("node"), NODES.c.faults > 0).values(faults=0)


def forget_faults(connection: Connection, name: str) -> None:
    """A training came to a result there: its faults were not in a row."""
    connection.execute(FORGET_FAULTS, {"node": name})


def _named(name: str) -> Select[Any]:
    return select(NODES).where(NODES.c.name == name)


def _training(connection: Connection) -> Mapping[str, Sequence[SlotTraining]]:
    """What is leased, by node, in the order of slots; workers are named ``node/…``. Nothing for others."""
    found: defaultdict[str, list[SlotTraining]] = defaultdict(list)
    held = select(TRIALS.c.worker, TRIALS.c.id, TRIALS.c.search_id, TRIALS.c.started_at).where(
        TRIALS.c.lease_expires_at.is_not(None)
    )
    for row in connection.execute(held.order_by(TRIALS.c.worker, TRIALS.c.row)):
        worker = str(row.worker)
        training = SlotTraining(slot_of(worker), row.id, row.search_id, row.started_at)
        found[node_of(worker)].append(training)
    for each in found.values():
        each.sort(key=lambda training: -1 if training.slot is None else training.slot)
    return found
