"""Where the time of a slot goes in a search of short trainings, through the real service.

    python benchmarks/worker_share.py [--trials 60] [--seconds 1.0] [--slots 2] [--url postgresql://…]

Starts Redis, a node and the controller in a folder of its own, runs one search whose trainings take about
``--seconds`` of steps on this machine as it is now, and adds up what the results say. The first trial of
each slot is left out: it ends what a slot does once. *Reporting* is what is left between what the worker
timed: the transaction of the result, the message's end and the way of the next one through Celery.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from steps import stepper

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import TrialRecord
from backprop_evo.records.training import Activity, TrainSpec
from backprop_evo.store import migrations
from backprop_evo.store.base import Store
from backprop_evo.store.sql import open_store
from backprop_evo.supervision import ProcessSpec, Supervisor
from backprop_evo.training.run.capability import choose

BATCH = 64
PROGRAMS = ("workers.embedded", "workers.node", "workers.controller")
IN_STEPS = ("first step", "steps")


@dataclass(frozen=True)
class Slot:
    """Seconds of one slot, from the end of its first trial to the end of its last, by what it did."""

    total: float
    seconds: Mapping[str, float]
    trials: int

    @property
    def reporting(self) -> float:
        return self.total - sum(self.seconds.values())


def train_spec(options: argparse.Namespace) -> TrainSpec:
    """One epoch of as many steps as take ``options.seconds`` here and now."""
    step = stepper("g / fro(g)", choose("cpu", precision="float32", images=True), options.model)
    taken = []
    for _ in range(8):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    # ``steps`` measures batches of 128.
    steps = max(5, round(options.seconds / (statistics.median(taken[2:]) / 2)))
    return TrainSpec(
        model=options.model,
        epochs=1.0,
        batch_size=BATCH,
        learning_rate=0.01,
        train_images=BATCH * steps,
        validation_images=options.validation_images,
        reestimate_batches=options.reestimate_batches,
        precision="float32",
    )


@contextmanager
def service(home: Path, url: str, options: argparse.Namespace) -> Iterator[Store]:
    """Redis, a node and the controller; the store that they share."""
    migrations.upgrade(url)
    environment = {
        **os.environ,
        "BACKPROP_EVO_HOME": str(home),
        "BACKPROP_EVO_DATABASE_URL": url,
        "BACKPROP_EVO_SLOTS": str(options.slots),
        "BACKPROP_EVO_DRAIN_S": "0",
        "CUDA_VISIBLE_DEVICES": "",
    }
    supervisor, store = Supervisor(), open_store(url)
    try:
        for module in PROGRAMS:
            supervisor.add(
                ProcessSpec(
                    name=module,
                    argv=(sys.executable, "-m", module),
                    env=environment,
                    log=home / f"{module}.log",
                )
            )
        yield store
    finally:
        supervisor.stop_in_order()
        store.close()


def searched(store: Store, spec: SearchSpec, within_s: float) -> Sequence[TrialRecord]:
    """The finished trials of one search, in the order in which they ended."""
    search = store.searches.add(spec, now=datetime.now(UTC))
    deadline = time.monotonic() + within_s
    while not store.searches.get(search.id).state.is_terminal:
        if time.monotonic() > deadline:
            raise SystemExit(f"the search did not end within {within_s:g} s")
        time.sleep(0.5)
    return store.trials.finished(search.id)


def slots_of(trials: Sequence[TrialRecord]) -> list[Slot]:
    by_worker: dict[str, list[TrialRecord]] = defaultdict(list)
    for trial in trials:
        by_worker[str(trial.worker)].append(trial)
    found = []
    for own in by_worker.values():
        ends = [trial.ended_at for trial in own if trial.ended_at is not None]
        seconds: dict[str, float] = dict.fromkeys(get_args(Activity), 0.0)
        for trial in own[1:]:
            assert trial.result is not None
            for activity, spent in trial.result.seconds.items():
                seconds[activity] += spent
        found.append(Slot((ends[-1] - ends[0]).total_seconds(), seconds, len(own) - 1))
    return found


def report(slots: Sequence[Slot]) -> str:
    total, trials = sum(slot.total for slot in slots), sum(slot.trials for slot in slots)
    seconds = {name: sum(slot.seconds[name] for slot in slots) for name in get_args(Activity)}
    seconds["reporting"] = sum(slot.reporting for slot in slots)
    lines = [
        f"| {name} | {1000 * spent / trials:.0f} | {spent / total:.3f} |" for name, spent in seconds.items()
    ]
    stepping = sum(seconds[name] for name in IN_STEPS)
    own = total - seconds["measuring"]
    return "\n".join(
        [
            "| a slot's time | ms a trial | share |",
            "|---|---|---|",
            *lines,
            "",
            f"in steps: {stepping / total:.3f} of all, {stepping / own:.3f} of what is no measuring; "
            f"{trials} trials on {len(slots)} slots, {total / trials:.2f} s each",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=1.0, help="of steps in one training")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--model", default="wrn-10-1")
    parser.add_argument("--validation-images", type=int, default=250)
    parser.add_argument("--reestimate-batches", type=int, default=0)
    parser.add_argument("--in-flight", type=int, help="by default what the service chooses")
    parser.add_argument(
        "--pruner", action="store_true", help="report at one rung, as a search with a pruner does"
    )
    parser.add_argument("--url", help="of the database; by default SQLite in a folder of its own")
    parser.add_argument("--within-s", type=float, default=900.0)
    options = parser.parse_args()
    spec = SearchSpec(
        name="share of worker time",
        trials=options.trials,
        in_flight=options.in_flight,
        train=train_spec(options),
        confirmation=Confirmation(best=0),
    )
    if options.pruner:
        rung = spec.train.steps_per_epoch(spec.train.train_images or 0) // 2
        spec = replace(spec, pruner=PrunerSpec(name="median", rungs=(rung,), min_trials=10**6))
    print(
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {spec.train.train_images} images",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with service(home, options.url or f"sqlite:///{home / 'share.sqlite'}", options) as store:
            print(report(slots_of(searched(store, spec, options.within_s))))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
