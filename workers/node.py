"""A node: supervises the worker processes of this machine's slots, tells SQL that it is there, and does what
is asked of it there: more slots or fewer, none for a while, data sets.

``python -m workers.node``. SIGTERM drains: each worker finishes or gives back its trial, then the node
ends. Crashed workers are started again with back-off. Torch is imported in pool processes only.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial

import structlog

from backprop_evo.errors import BackpropEvoError, Unavailable
from backprop_evo.logs import configure_logs
from backprop_evo.settings import Settings, settings
from backprop_evo.store.base import Store
from backprop_evo.store.sql import open_store
from backprop_evo.supervision import ProcessSpec
from workers.app import RELEASE_S
from workers.devices import (
    Hardware,
    Slot,
    allowed_threads,
    free_memory,
    usable_cores,
    visible_gpus,
)
from workers.fetching import Fetching
from workers.heartbeat import NodeHeartbeat
from workers.self_test import SelfTest
from workers.slot_pool import SlotPool

log = structlog.get_logger(__name__)

# After its drain Celery gets this long to close its connections before it is killed.
COLD_SHUTDOWN_S = 15.0


def slot_process(node: str, slot: Slot, options: Settings) -> ProcessSpec:
    """The process of one slot. Its worker name holds the node's process id: one name is one slot of one run
    of a node, so that a restarted slot may give back what its predecessor held."""
    worker = f"{node}/{os.getpid()}/{slot.number}"
    return ProcessSpec(
        name=f"slot {slot.number}",
        argv=(sys.executable, "-m", "workers.slot"),
        # Celery's SIGTERM waits for a running task as long as it takes; its SIGQUIT is the soft shutdown with
        # a limit.
        env={**os.environ, **slot.environment(), "REMAP_SIGTERM": "SIGQUIT", "BACKPROP_EVO_WORKER": worker},
        grace_s=options.drain_s + RELEASE_S + COLD_SHUTDOWN_S,
    )


@dataclass(slots=True)
class Node:
    """What one node does, step by step, about twice a second."""

    name: str
    store: Store
    options: Settings
    hardware: Hardware
    pool: SlotPool
    heartbeat: NodeHeartbeat
    self_test: SelfTest
    fetching: Fetching

    def step(self, clock: float) -> None:
        """Say that it is there, do what is asked of it. ``clock`` is a monotonic time in seconds."""
        wish = self.heartbeat.wish_if_due(clock)
        own = self.options.slots or None
        plan = self.hardware.plan(own if wish.slots is None else wish.slots) if not wish.draining else ()
        self.pool.step(plan, gives_back=wish.gives_back)
        try:
            self.self_test.step(self.heartbeat.stored.quarantine, clock)
            self.fetching.step(self.heartbeat.stored.labels, clock)
        except Unavailable as error:
            log.warning("database away", reason=error.message)
        self.heartbeat.note(
            slots=len(plan),
            devices=tuple(slot.device for slot in plan),
            fetching=self.fetching.name,
            fetch_faults=dict(self.fetching.faults),
        )
        self.heartbeat.send_if_due(clock)

    def stop(self) -> None:
        """All processes of its; trainings end or are given back within ``drain_s``."""
        self.fetching.stop()
        self.self_test.stop()
        self.pool.stop()


def make_node(options: Settings, store: Store, hardware: Hardware) -> Node:
    """A node that has not started anything yet."""
    name = options.node_name or platform.node()
    own = hardware.plan(options.slots or None)
    return Node(
        name=name,
        store=store,
        options=options,
        hardware=hardware,
        pool=SlotPool(partial(slot_process, name, options=options), options),
        heartbeat=NodeHeartbeat(store, name, own, options),
        self_test=SelfTest(store, name, own, options),
        fetching=Fetching(store, options),
    )


def run(options: Settings, stopping: threading.Event) -> None:
    """Until ``stopping`` is set."""
    hardware = Hardware(
        gpus=visible_gpus(),
        cores=usable_cores(),
        memory=free_memory(),
        slots_per_gpu=options.slots_per_gpu,
        placement=options.slot_placement,
        most_threads=allowed_threads(),
    )
    store = open_store(options.resolved_database_url)
    node = make_node(options, store, hardware)
    log.info(
        "node starts",
        node=node.name,
        cores=hardware.cores,
        free_memory_mib=hardware.memory // 2**20,
        gpus=list(hardware.gpus),
        slots=[slot.device for slot in node.self_test.slots],
        labels=list(options.own_labels),
    )
    try:
        # First, so that it begins with what was asked of it before it was started.
        node.heartbeat.send_if_due(time.monotonic())
        node.step(time.monotonic())
        while not stopping.wait(0.5):
            node.step(time.monotonic())
    finally:
        node.stop()
        store.close()


def main() -> int:
    """The exit code; runs until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        options = settings()
        configure_logs(options.log_format)
        run(options, stopping)
    except BackpropEvoError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
