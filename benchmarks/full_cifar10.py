"""Four equations on the full CIFAR-10 under the fair learning-rate protocol: mean ± std over seeds.

    python benchmarks/full_cifar10.py --results full_cifar10.jsonl

Two epochs of WRN-10-1, every rate of the grid probed for a tenth of an epoch, the best one continued, for
plain backprop as for the others. Needs ``backprop-evo data fetch cifar10``. About 50 minutes on one core at
500 images/s. Every finished training is one line of the results file; a second call continues where the
first one ended.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from pathlib import Path

import torch

import dsl
from backprop_evo.records.training import WIDE_RATES, LearningRateGrid, TrainSpec
from backprop_evo.training import train_child

EQUATIONS = ("backprop", "g-fro", "feedback-alignment", "direct-feedback-alignment")
SPEC = TrainSpec(
    model="wrn-10-1",
    data="cifar10",
    epochs=2,
    optimizer="sgd",
    learning_rate=LearningRateGrid(rates=WIDE_RATES, probe_epochs=0.1),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("full_cifar10.jsonl"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    done = read(options.results)
    for seed in range(options.seeds):
        for name in EQUATIONS:
            if (name, seed) not in done:
                done[name, seed] = train(name, seed)
                with options.results.open("a") as file:
                    file.write(json.dumps({"equation": name, "seed": seed, **done[name, seed]}) + "\n")
    print_table(done, options.seeds)


def read(results: Path) -> dict[tuple[str, int], dict[str, object]]:
    if not results.exists():
        return {}
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    return {(row["equation"], row["seed"]): row for row in rows}


def train(name: str, seed: int) -> dict[str, object]:
    result = train_child(name, SPEC, seed=seed)
    print(f"{name} seed {seed}: {result.validation_accuracy} at rate {result.learning_rate}", flush=True)
    return {
        "outcome": result.outcome.value,
        "validation_accuracy": result.validation_accuracy,
        "learning_rate": result.learning_rate,
        "wall_time_s": result.wall_time_s,
        "environment": dict(result.environment),
    }


def print_table(done: dict[tuple[str, int], dict[str, object]], seeds: int) -> None:
    machine = platform.processor() or platform.machine()
    print(f"\n{machine}, torch {torch.__version__}, {SPEC.epochs:g} epochs, n = {seeds}")
    print("| equation | validation accuracy, % (mean ± std) | rates chosen | seconds a run |")
    print("|---|---|---|---|")
    for name in EQUATIONS:
        rows = [done[name, seed] for seed in range(seeds)]
        accuracies = [100 * float(str(row["validation_accuracy"])) for row in rows]
        spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
        rates = ", ".join(f"{row['learning_rate']}" for row in rows)
        seconds = statistics.mean(float(str(row["wall_time_s"])) for row in rows)
        text = dsl.to_text(dsl.KNOWN[name].equation)
        print(f"| `{text}` | {statistics.mean(accuracies):.2f} ± {spread:.2f} | {rates} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
