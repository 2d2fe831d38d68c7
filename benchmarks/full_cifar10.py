"""Four rules on the full CIFAR-10 under the fair protocol, mean ± std over seeds. ``python
benchmarks/full_cifar10.py``

WRN-10-1, 2 epochs, SGD without momentum; every rule probes the same wide grid of learning rates and
continues the best. Needs ``backprop-evo data fetch cifar10``. Results go to ``--out`` as they come (JSON
lines) and a run that was interrupted goes on where it stopped. 12 trainings of 3 epochs with their probes.
"""

from __future__ import annotations

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from backprop_evo.records.training import LearningRateGrid, TrainSpec

RULES = {
    "g": "g",
    "g / fro(g)": "g / fro(g)",
    "feedback alignment": "b_next_R_dh",
    "direct feedback alignment": "b_top_R_L_dh",
}
RATES = (0.001, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class Trained:
    rule: str
    seed: int
    outcome: str
    validation_accuracy: float | None
    learning_rate: float | None
    images_per_s: float | None
    wall_time_s: float


def train(rule: str, seed: int, spec: TrainSpec, data_dir: Path | None, threads: int) -> Trained:
    import torch

    import dsl
    from backprop_evo.training import train_child

    torch.set_num_threads(threads)
    result = train_child(dsl.parse(RULES[rule]), spec, seed=seed, data_dir=data_dir)
    return Trained(
        rule,
        seed,
        str(result.outcome),
        result.validation_accuracy,
        result.learning_rate,
        result.images_per_s,
        result.wall_time_s,
    )


def print_table(done: list[Trained]) -> None:
    print(f"{'rule':28} {'n':>2} {'validation accuracy':>20}  rates chosen")
    for rule in RULES:
        mine = [trained for trained in done if trained.rule == rule]
        reached = [100 * t.validation_accuracy for t in mine if t.validation_accuracy is not None]
        if not reached:
            print(f"{rule:28} {len(mine):2} {'–':>20}")
            continue
        deviation = statistics.stdev(reached) if len(reached) > 1 else float("nan")
        rates = ", ".join(f"{t.learning_rate:g}" for t in mine if t.learning_rate is not None)
        print(f"{rule:28} {len(reached):2} {statistics.mean(reached):12.2f} ± {deviation:5.2f}  {rates}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--epochs", type=float, default=2.0)
    arguments.add_argument("--model", default="wrn-10-1")
    arguments.add_argument("--data", default="cifar10")
    arguments.add_argument("--train-images", type=int)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--threads", type=int, default=1, help="threads of each process")
    arguments.add_argument("--data-dir", type=Path)
    arguments.add_argument("--out", type=Path, default=Path("full_cifar10.jsonl"))
    given = arguments.parse_args()
    spec = TrainSpec(
        model=given.model,
        data=given.data,
        epochs=given.epochs,
        learning_rate=LearningRateGrid(rates=RATES, probe_epochs=min(0.25, given.epochs)),
        train_images=given.train_images,
    )
    done = (
        [Trained(**json.loads(line)) for line in given.out.read_text().splitlines()]
        if given.out.exists()
        else []
    )
    known = {(trained.rule, trained.seed) for trained in done}
    jobs = [(rule, seed) for seed in range(given.seeds) for rule in RULES if (rule, seed) not in known]
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(train, rule, seed, spec, given.data_dir, given.threads) for rule, seed in jobs]
        for future in as_completed(futures):
            done.append(future.result())
            with given.out.open("a") as out:
                out.write(json.dumps(asdict(done[-1])) + "\n")
            print_table(done)
    print_table(done)


if __name__ == "__main__":
    main()
