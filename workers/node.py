"""A node: supervises one worker process per GPU or CPU slot on this machine, and tells SQL that it is there.

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

import structlog

from backprop_evo.errors import BackpropEvoError, Unavailable
from backprop_evo.logs import configure_logs
from backprop_evo.settings import Settings, settings
from backprop_evo.store.sql import open_store
from backprop_evo.supervision import ProcessSpec, Supervisor
from workers.app import RELEASE_S
from workers.devices import Slot, free_memory, plan_slots, usable_cores, visible_gpus
from workers.heartbeat import NodeHeartbeat
from workers.self_test import SelfTest

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


def run(options: Settings, stopping: threading.Event) -> None:
    """Until ``stopping`` is set."""
    cores, memory, gpus = usable_cores(), free_memory(), visible_gpus()
    slots = plan_slots(options.slots, gpus=gpus, cores=cores, memory=memory)
    node = options.node_name or platform.node()
    log.info(
        "node starts",
        node=node,
        cores=cores,
        free_memory_mib=memory // 2**20,
        gpus=list(gpus),
        slots=[slot.device for slot in slots],
        threads_per_slot=slots[0].threads,
    )
    store = open_store(options.resolved_database_url)
    heartbeat = NodeHeartbeat(store, node, slots, options)
    self_test = SelfTest(store, node, slots, options)
    supervisor = Supervisor()
    try:
        for slot in slots:
            supervisor.add(slot_process(node, slot, options))
        while not stopping.wait(0.5):
            supervisor.restart_crashed()
            heartbeat.send_if_due(time.monotonic())
            try:
                self_test.step(heartbeat.stored.quarantine, time.monotonic())
            except Unavailable as error:
                log.warning("self-test not noted", reason=error.message)
    finally:
        self_test.stop()
        supervisor.stop_together()
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
