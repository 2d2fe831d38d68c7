"""The service as processes that tests may kill: Redis, a node with real Celery workers, the controller."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from backprop_evo.parent_death import dying_with_parent
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import TrainSpec
from backprop_evo.service import Service
from backprop_evo.store import migrations
from backprop_evo.store.sql import open_store

QUICK = TrainSpec(
    model="mlp-8",
    epochs=0.2,
    batch_size=64,
    learning_rate=0.1,
    train_images=640,
    validation_images=200,
    augment=False,
)
SLOW = TrainSpec(
    model="mlp-64",
    epochs=400,
    batch_size=64,
    learning_rate=0.1,
    train_images=1280,
    validation_images=200,
)
IMPATIENT = {
    "LEASE_S": "3",
    "HEARTBEAT_S": "0.3",
    "POLL_S": "0.1",
    "RESEND_S": "2",
    "DRAIN_S": "0",
    "RETRY_DELAY_S": "0.2",
    "SLOTS": "2",
    "NODE_NAME": "test",
}


def eventually(holds: Callable[[], bool], what: str, within_s: float = 120.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"it never happened that {what}"
        time.sleep(0.05)


def search_spec(name: str, *, trials: int, train: TrainSpec = QUICK, best: int = 0) -> SearchSpec:
    return SearchSpec(
        name=name,
        trials=trials,
        start_random=3,
        in_flight=4,
        train=train,
        confirmation=Confirmation(best=best, seeds=2, controls="none"),
    )


OF_ITS_OWN = {"other node": {"BACKPROP_EVO_NODE_NAME": "other"}}
"""What one program reads in place of what all of them do."""


class Cluster:
    """Processes of one home folder; every one can be started, killed and started again."""

    PROGRAMS = {  # noqa: RUF012
        "redis": ("-m", "workers.embedded"),
        "node": ("-m", "workers.node"),
        "other node": ("-m", "workers.node"),
        "api": ("-m", "api"),
        "controller": ("-m", "workers.controller"),
        "hanging slot": (str(Path(__file__).with_name("hanging_slot.py")),),
    }

    def __init__(self, home: Path, database_url: str = "", **settings: str) -> None:
        self.home = home
        self.database_url = database_url or f"sqlite:///{home / 'backprop-evo.sqlite'}"
        self.environment = {
            **os.environ,
            **{f"BACKPROP_EVO_{name}": value for name, value in (IMPATIENT | settings).items()},
            "BACKPROP_EVO_HOME": str(home),
            "BACKPROP_EVO_DATABASE_URL": self.database_url,
            "OMP_NUM_THREADS": "1",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        migrations.upgrade(self.database_url)
        self.store = open_store(self.database_url)
        self.service = Service(self.store)

    def start(self, *names: str) -> None:
        for name in names:
            with (self.home / f"{name}.log").open("ab") as output:
                self.processes[name] = subprocess.Popen(
                    dying_with_parent((sys.executable, *self.PROGRAMS[name])),
                    env=self.environment | OF_ITS_OWN.get(name, {}),
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )

    def kill(self, name: str) -> None:
        """SIGKILL: no chance to clean up."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def terminate(self, name: str) -> None:
        """SIGTERM, and the time it takes."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(45)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        self.store.close()

    def pool_processes(self) -> list[psutil.Process]:
        """Those that train."""
        family = psutil.Process(self.processes["node"].pid).children(recursive=True)
        return [each for each in family if "billiard.spawn" in " ".join(each.cmdline())]

    def until_ended(self, search_id: str, within_s: float = 120.0) -> SearchRecord:
        eventually(
            lambda: self.store.searches.get(search_id).state.is_terminal,
            f"{search_id} ended: {self.logs()}",
            within_s,
        )
        return self.store.searches.get(search_id)

    def logs(self) -> str:
        return f"see {self.home}"
