"""Whole trainings, one alone and several at once on one device. ``python benchmarks/children.py``

Trains one child in each of as many processes as asked for, waits for all, and says what a child cost: the
wall time from start to last result divided by the number of children, imports, data and validation
included. On a GPU: ``--device cuda --precision bf16 --together 1,2,4,8``. On a CPU each process gets an
equal share of ``--threads``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import mean, stdev

import torch

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.run.capability import environment


@dataclass(frozen=True)
class Lap:
    """Some children that ran at once: wall seconds of all, and what each reported."""

    seconds: float
    results: tuple[dict, ...]

    @property
    def seconds_a_child(self) -> float:
        return self.seconds / len(self.results)

    @property
    def images_per_s(self) -> float:
        """Of all children together, while they trained."""
        return sum(result["images_per_s"] for result in self.results)


def train_one(given: argparse.Namespace) -> dict:
    """In this process; what ``lap`` reads of the result."""
    from backprop_evo.training import train_child

    spec = TrainSpec(
        model=given.model,
        data=given.data,
        epochs=given.epochs,
        precision=given.precision,
        learning_rate=given.rate,
        deterministic=False,
    )
    result = train_child(given.method, spec, seed=given.seed, device=given.device)
    return {name: getattr(result, name) for name in ("images_per_s", "validation_accuracy", "wall_time_s")}


def lap(together: int, threads: int, options: list[str]) -> Lap:
    share = os.environ | {"OMP_NUM_THREADS": str(max(1, threads // together))}
    command = [sys.executable, __file__, *options]
    started = time.perf_counter()
    processes = [
        subprocess.Popen([*command, "--seed", str(seed)], stdout=subprocess.PIPE, text=True, env=share)
        for seed in range(together)
    ]
    printed = [process.communicate()[0] for process in processes]
    seconds = time.perf_counter() - started
    if failed := [process.returncode for process in processes if process.returncode]:
        raise SystemExit(f"{len(failed)} of {together} trainings failed; their errors stand above")
    return Lap(seconds, tuple(json.loads(text) for text in printed))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--method", default="g / fro(g)", help="an equation, or a name")
    arguments.add_argument("--together", default="1,2", help="numbers of children at once, such as 1,2,4,8")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--model", default="wrn-16-2")
    arguments.add_argument("--data", default="cifar10")
    arguments.add_argument("--epochs", type=float, default=20.0)
    arguments.add_argument("--rate", type=float, default=0.01, help="learning rate")
    arguments.add_argument("--precision", default="float32", choices=["float32", "bf16"])
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.seed is not None:
        print(json.dumps(train_one(given)))
        return
    options = []
    for name in ("method", "device", "model", "data", "epochs", "precision", "rate"):
        options += [f"--{name}", str(getattr(given, name))]
    counts = [int(count) for count in given.together.split(",")]
    laps: dict[int, list[Lap]] = {count: [] for count in counts}
    for _ in range(given.repeats):
        for count in counts:
            laps[count].append(lap(count, given.threads, options))
    print("  ".join(f"{name}: {value}" for name, value in environment(given.device).items()))
    print(f"{given.method}, {given.model}, {given.data}, {given.epochs:g} epochs, {given.precision}")
    for count, all_ in laps.items():
        seconds = [one.seconds_a_child for one in all_]
        spread = f" ± {stdev(seconds):.1f}" if len(seconds) > 1 else ""
        accuracies = [r["validation_accuracy"] for one in all_ for r in one.results]
        print(
            f"{count:3} at once: {mean(seconds):.1f}{spread} s a child (n = {len(seconds)}), "
            f"{mean(one.images_per_s for one in all_):.0f} images/s together, "
            f"validation {100 * mean(accuracies):.2f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
