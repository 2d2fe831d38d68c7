"""How many workers one database serves: python benchmarks/many_workers.py [--workers 16 64] [--url …]

A real controller drives a real search; workers are threads of ``--processes`` processes that claim, sleep
instead of training, and report through the code and the store of real ones (``workers/attempt.py``). As many
processes as workers is what a pool is; of threads in one process each waits for the others' Python. Redis is
left out: ids go through a queue between processes. Prints the share of the workers' time that was spent
asleep, which is what is left for training, and how often the database refused (locked, no connection). The
first trial of each worker is left out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import CurvePoint, TrainResult
from backprop_evo.settings import Settings
from backprop_evo.store import migrations
from backprop_evo.store.sql import open_store
from workers.attempt import Attempts
from workers.controller import Controller, run
from workers.dispatch import Dispatcher
from workers.drain import Drain

CURVE = tuple(CurvePoint(epoch / 5, 2.0, 0.3, 0.1, 10.0 * epoch) for epoch in range(20))
PROCESSES = multiprocessing.get_context("spawn")


@dataclass
class QueueBroker:
    """Carries ids between processes."""

    ids: Any

    def send(self, trial_ids: Sequence[str]) -> None:
        for trial_id in trial_ids:
            self.ids.put(trial_id)

    def waiting(self) -> int:
        return int(self.ids.qsize())


@dataclass
class Played:
    """What one worker did, in seconds; its first trial apart."""

    seconds: float
    asleep: float = 0.0
    began: float | None = None
    ended: float = 0.0
    trials: int = 0

    def train(self, trial: Any, *_: object) -> TrainResult:
        time.sleep(self.seconds)
        if self.began is not None:
            self.asleep += self.seconds
            self.trials += 1
        # A fitness that tells equations apart, so that the search has something to choose by.
        accuracy = sum(trial.fingerprint.encode()) % 1000 / 1000
        return TrainResult(
            outcome=TrialState.COMPLETED, validation_accuracy=accuracy, curve=CURVE, wall_time_s=self.seconds
        )


@dataclass
class Refusals:
    """Counts what the workers of a process log while the database refuses, and drops what they log."""

    number: int = 0

    def __call__(self, _logger: object, _name: str, event: Any) -> Any:
        self.number += event["event"] in ("database away", "intermediate value not stored")
        raise structlog.DropEvent


def work(
    ids: Any, results: Any, ready: Any, first: int, threads: int, options: Settings, seconds: float
) -> None:
    """A process of ``threads`` workers, from when all processes are there until each finds None in the
    queue."""
    refusals = Refusals()
    structlog.configure(processors=[refusals])
    store = open_store(options.resolved_database_url)
    ready.wait()

    def one(number: int) -> None:
        played = Played(seconds)
        # Nodes of eight slots: a worker's name says to which it belongs.
        attempts = Attempts(store, f"node{number // 8}/{number % 8}", options, played.train, Drain())
        while (trial_id := ids.get()) is not None:
            attempts.run(trial_id)
            played.ended = time.monotonic()
            played.began = played.began or played.ended
        results.put((played, 0))

    running = [threading.Thread(target=one, args=(first + place,)) for place in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    results.put((None, refusals.number))


@dataclass
class Site:
    """The controller's side: the store, the search, the queue."""

    options: Settings
    workers: int
    ids: Any = field(default_factory=PROCESSES.Queue)

    def drive(self, trials: int, within_s: float) -> None:
        """One search to its end; then every worker is told to stop."""
        store = open_store(self.options.resolved_database_url)
        for number in range((self.workers + 7) // 8):
            now = datetime.now(UTC)
            store.nodes.record_heartbeat(
                NodeRecord(
                    name=f"node{number}",
                    slots=8,
                    devices=("cpu",) * 8,
                    code_version="bench",
                    started_at=now,
                    seen_at=now,
                )
            )
        spec = SearchSpec(
            name="many",
            trials=trials,
            in_flight=2 * self.workers,
            confirmation=Confirmation(best=0),
        )
        search = store.searches.add(spec, now=datetime.now(UTC))
        dispatcher = Dispatcher(store, QueueBroker(self.ids), self.options)
        controller, stopping = Controller(store, dispatcher, self.options, "bench"), threading.Event()
        driving = threading.Thread(target=run, args=(controller, stopping))
        driving.start()
        deadline = time.monotonic() + within_s
        try:
            while not store.searches.get(search.id).state.is_terminal:
                if time.monotonic() > deadline:
                    raise SystemExit(f"the search did not end within {within_s:g} s")
                time.sleep(0.5)
        finally:
            for _ in range(self.workers):
                self.ids.put(None)
            stopping.set()
            driving.join()
            store.close()


@dataclass(frozen=True)
class Figures:
    """What workers did together: trials, trials a second, the share of their time inside trials, and how
    often the database refused."""

    workers: int
    trials: int
    rate: float
    share: float
    refusals: int

    @property
    def line(self) -> str:
        return f"| {self.workers} | {self.trials} | {self.rate:.1f} | {self.share:.3f} | {self.refusals} |"


def measured(results: Any, workers: int, processes: int) -> Figures:
    played: list[Played] = []
    refused = 0
    for _ in range(workers + processes):
        one, refusals = results.get(timeout=120)
        refused += refusals
        played += [one] if one is not None and one.began is not None else []
    total = sum(one.ended - one.began for one in played if one.began is not None)
    trials, asleep = sum(one.trials for one in played), sum(one.asleep for one in played)
    first = min(one.began for one in played if one.began is not None)
    rate = trials / (max(one.ended for one in played) - first)
    return Figures(workers, trials, rate, asleep / total, refused)


def figures(
    url: str, folder: Path, workers: int, *, seconds: float, trials: int, processes: int, within_s: float
) -> Figures:
    """``workers`` threads of ``processes`` processes, each about ``trials`` trials of ``seconds``, against a
    migrated database. Raises ``SystemExit`` where they do not come to an end."""
    options = Settings(home=folder, database_url=url)
    site, results, ready = Site(options, workers), PROCESSES.Queue(), PROCESSES.Barrier(processes + 1)
    started = []
    for place in range(processes):
        threads, left = divmod(workers, processes)
        # Numbers of workers need not follow each other, only differ.
        first, threads = place * (threads + 1), threads + (place < left)
        args = (site.ids, results, ready, first, threads, options, seconds)
        started.append(PROCESSES.Process(target=work, args=args, daemon=True))
        started[-1].start()
    # Imports take a second of a processor each, and would be taken from those that came first.
    ready.wait(timeout=within_s)
    site.drive(trials * workers, within_s)
    found = measured(results, workers, processes)
    for process in started:
        process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--seconds", type=float, default=1.0, help="of one trial")
    parser.add_argument("--trials", type=int, default=15, help="of each worker")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--url", help="of a database that may be written to; by default a new SQLite")
    parser.add_argument("--within-s", type=float, default=500.0)
    asked = parser.parse_args()
    structlog.configure(processors=[Refusals()])
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; trials of {asked.seconds:g} s")
    print("| workers | trials | a second | share inside trials | refusals |\n|---|---|---|---|---|")
    for workers in asked.workers:
        with tempfile.TemporaryDirectory() as folder:
            url = asked.url or f"sqlite:///{Path(folder) / 'bench.sqlite'}"
            migrations.upgrade(url)
            found = figures(
                url,
                Path(folder),
                workers,
                seconds=asked.seconds,
                trials=asked.trials,
                processes=asked.processes,
                within_s=asked.within_s,
            )
            print(found.line, flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
