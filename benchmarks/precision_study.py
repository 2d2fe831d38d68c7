"""May bf16 be the default of searches? ``python benchmarks/precision_study.py``

Trains many different equations in float32 and in bf16, several seeds each, and prints the rank correlation
of the two fitnesses and every equation that changes class (learns in one, diverges or is pruned in the
other). bf16 is earned when the correlation is as high as that of two disjoint halves of the float32 seeds
would allow and no equation changes class. Run it on hardware with bf16 instructions: elsewhere bf16 is
emulated and takes many times as long.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
from pathlib import Path
from random import Random

import numpy as np

import dsl
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    LearningRateGrid,
    TrainSpec,
)
from backprop_evo.training import train_child


def equations(count: int, seed: int) -> list[str]:
    """Table 1 first, then random ones."""
    texts = [known.text for known in dsl.KNOWN.values()]
    random = Random(seed)
    while len(texts) < count:
        text = dsl.to_text(dsl.sample(random))
        if text not in texts:
            texts.append(text)
    return texts[:count]


def rank_correlation(a: list[float], b: list[float]) -> float:
    """Spearman's, ties sharing their mean rank; NaN where one side is constant."""
    ranks = [_ranks(np.asarray(values)) for values in (a, b)]
    if min(np.ptp(r) for r in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    for value in np.unique(values):
        ranks[values == value] = ranks[values == value].mean()
    return ranks


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--equations", type=int, default=25)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--model", default="wrn-10-1")
    arguments.add_argument("--data", default="cifar10")
    arguments.add_argument("--epochs", type=float, default=1.0)
    arguments.add_argument("--train-images", type=int)
    arguments.add_argument("--device")
    arguments.add_argument("--data-dir", type=Path)
    arguments.add_argument("--json", type=Path, help="write every training here")
    given = arguments.parse_args()
    texts = equations(given.equations, seed=0)
    runs = []
    for text, precision, seed in itertools.product(texts, ("float32", "bf16"), range(given.seeds)):
        spec = TrainSpec(
            model=given.model,
            data=given.data,
            epochs=given.epochs,
            train_images=given.train_images,
            precision=precision,
            learning_rate=LearningRateGrid(probe_epochs=min(0.25, given.epochs)),
        )
        result = train_child(text, spec, seed=seed, data_dir=given.data_dir, device=given.device)
        runs.append((text, precision, seed, result.outcome, result.validation_accuracy))
        print(
            f"{text:60} {precision:8} seed {seed}  {result.outcome:10} {result.validation_accuracy}",
            flush=True,
        )
    report(texts, runs)
    if given.json:
        given.json.write_text(json.dumps(runs, default=str))


def report(texts: list[str], runs: list[tuple[str, str, int, TrialState, float | None]]) -> None:
    """The correlation of mean fitness, that of float32 with itself, and the equations that change class."""

    def fitness(text: str, precision: str, seeds: set[int] | None = None) -> float:
        values = [
            accuracy or 0.0
            for t, p, seed, _, accuracy in runs
            if t == text and p == precision and (seeds is None or seed in seeds)
        ]
        return statistics.mean(values)

    def learns(text: str, precision: str) -> list[bool]:
        return [
            outcome is TrialState.COMPLETED for t, p, _, outcome, _ in runs if t == text and p == precision
        ]

    full, half = ([fitness(text, precision) for text in texts] for precision in ("float32", "bf16"))
    print(f"rank correlation of mean fitness, float32 and bf16: {rank_correlation(full, half):.3f}")
    seeds = sorted({seed for _, _, seed, _, _ in runs})
    if len(seeds) > 1:
        alone = [fitness(text, "float32", {seeds[0]}) for text in texts]
        others = [fitness(text, "float32", set(seeds[1:])) for text in texts]
        print(f"the same, one float32 seed and the others: {rank_correlation(alone, others):.3f}")
    changed = [text for text in texts if all(learns(text, "float32")) != all(learns(text, "bf16"))]
    print(f"equations that change class: {changed or 'none'}")


if __name__ == "__main__":
    main()
