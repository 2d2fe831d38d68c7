"""The service as processes that are struck and started again, as systemd or Kubernetes start them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import psutil

from backprop_evo.cli.stack import free_port
from backprop_evo.errors import Unavailable
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import SearchSpec
from tests.chaos.databases import Database
from tests.chaos.setting import Setting
from tests.e2e.cluster import QUICK, Cluster

PROGRAMS = ("redis", "node", "other node", "controller", "api")
KINDS = ("pool child", "slot", "node", "controller", "api", "redis")
SETTINGS = {
    "LEASE_S": "8",
    "HEARTBEAT_S": "1",
    "RESEND_S": "5",
    "POLL_S": "0.5",
    "RETRY_DELAY_S": "1",
    "DRAIN_S": "1",
}
"""Shorter than the defaults only where a fault would otherwise be waited for: see ``docs/operations.md``."""

RESTART_S = 2.0
"""After so long a process that ended is started again: as ``deploy/systemd`` has it."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A kill: what, when, and the slots (by the names of their workers) that died of it."""

    kind: str
    at: datetime
    workers: frozenset[str]


class Service(Cluster):
    """Two nodes of two slots, unless ``nodes`` says otherwise, kept running. To be used from one thread: a
    child dies with the thread that started it."""

    def __init__(
        self, home: Path, database: Database, *, nodes: int = 2, slots: int = 2, asleep: bool = False
    ) -> None:
        self.api_port = free_port()
        settings = {**SETTINGS, "SLOTS": str(slots), "API_PORT": str(self.api_port)}
        super().__init__(home, database.url, **settings)
        self.database = database
        self.nodes = ("node", "other node")[:nodes]
        if asleep:
            program = ("-m", "tests.chaos.asleep_node")
            self.PROGRAMS = {**Cluster.PROGRAMS, **dict.fromkeys(self.nodes, program)}
        self.programs = tuple(each for each in PROGRAMS if each in self.nodes or "node" not in each)
        self.held_down: set[str] = set()
        self.start_s = 0.0
        self.strikes: list[Strike] = []
        self._down_since: dict[str, float] = {}

    def look(self) -> None:
        """Start again what ended, unless it is held down."""
        now = time.monotonic()
        for name in self.programs:
            process = self.processes.get(name)
            if name in self.held_down or (process is not None and process.poll() is None):
                self._down_since.pop(name, None)
            elif now - self._down_since.setdefault(name, now) >= RESTART_S:
                with suppress(OSError):  # the disk of its log is full
                    self.start(name)

    def pass_time(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Keep everything running for that long, or until something is so; whether it is. A database that
        is away says nothing."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            with suppress(Unavailable):
                if until():
                    return True
            time.sleep(0.1)
        return False

    def processes_of(self, kind: str) -> list[psutil.Process]:
        """Those of ``KINDS`` that live now."""
        if kind in ("pool child", "slot"):
            marks = ("billiard.spawn",) if kind == "pool child" else ("workers.slot", "chaos.asleep_slot")
            family = [each for name in self.nodes for each in self._family(name)]
            return [each for each in family if any(_is(each, mark) for mark in marks)]
        names = self.nodes if kind == "node" else (kind,)
        living = [self.processes[name] for name in names if name in self.processes]
        return [psutil.Process(each.pid) for each in living if each.poll() is None]

    def _family(self, name: str) -> list[psutil.Process]:
        process = self.processes.get(name)
        if process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(process.pid).children(recursive=True)
        return []

    def strike(self, kind: str, random: Random) -> bool:
        """SIGKILL to one process of that kind; False where none lives now."""
        with suppress(psutil.NoSuchProcess):
            if not (living := self.processes_of(kind)):
                return False
            victim = random.choice(living)
            hit = [victim, *victim.children(recursive=True)] if kind in ("node", "slot") else [victim]
            workers = frozenset(filter(None, map(_worker, hit)))
            victim.send_signal(signal.SIGKILL)
            self.strikes.append(Strike(kind, datetime.now(UTC), workers))
            return True
        return False

    def strike_all(self) -> None:
        """Every process at once."""
        hit = [each for kind in ("slot", "pool child") for each in self.processes_of(kind)]
        workers = frozenset(filter(None, map(_worker, hit)))
        self.strikes.append(Strike("stack", datetime.now(UTC), workers))
        for name in self.programs:
            self.kill(name)

    def empty_redis(self) -> None:
        """Whatever it had is lost, with the process; it comes back empty."""
        self.held_down.add("redis")
        self.kill("redis")
        shutil.rmtree(self.home / "redis")
        self.held_down.discard("redis")
        self.start("redis")

    def kill(self, name: str) -> None:
        """As always; one that is down already stays so."""
        if name in self.processes:
            super().kill(name)

    def finishes(self, search_id: str) -> int:
        return self.store.searches.get(search_id).trials_done


def _is(process: psutil.Process, mark: str) -> bool:
    try:
        return mark in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _worker(process: psutil.Process) -> str | None:
    """The name under which a slot claims."""
    with suppress(psutil.Error):
        return process.environ().get("BACKPROP_EVO_WORKER")
    return None


def short_trials(name: str, trials: int) -> SearchSpec:
    """As short as a training can be that is one: a perceptron, two steps an epoch."""
    return SearchSpec(
        name=name, trials=trials, start_random=3, train=QUICK, confirmation=Confirmation(best=0)
    )


@contextmanager
def service(
    setting: Setting, home: Path | None = None, *, nodes: int = 2, slots: int = 2, within_s: float = 300.0
) -> Iterator[Service]:
    """Running, every slot of it; stopped and gone at the end, however that comes. ``home`` is by default a
    folder of the case."""
    home = home or setting.folder / "home"
    home.mkdir(exist_ok=True)
    running = Service(home, setting.database, nodes=nodes, slots=slots, asleep=setting.asleep)
    began = time.monotonic()
    try:
        running.start(*running.programs)
        wanted = nodes * slots
        up = running.pass_time(within_s, lambda: len(running.processes_of("pool child")) == wanted)
        if not up:
            raise SystemExit(f"the service did not come up within {within_s:g} s: see {home}")
        first = running.service.submit_search(short_trials("first", 1))
        running.pass_time(within_s, lambda: running.finishes(first.id) > 0)
        running.start_s = time.monotonic() - began
        yield running
    finally:
        with suppress(Unavailable):
            running.stop()
        _end_what_is_left(running)


def _end_what_is_left(running: Service) -> None:
    for process in running.processes.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
