"""What the trainings of ``fitness_study.py`` say: the arithmetic and the tables.

A training is one row: equation, seed, relative step, and the measures below. Accuracies in [0, 1]; of losses
less is better, so their sign is turned where they rank.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np

Row = Mapping[str, Any]

#: Name in a row → name in the tables.
MEASURES = {
    "accuracy_1000": "accuracy, 1,000 images",
    "accuracy_5000": "accuracy, 5,000 images",
    "reestimated_1000": "accuracy, 1,000 images, re-estimated",
    "reestimated_5000": "accuracy, 5,000 images, re-estimated",
    "validation_loss": "validation loss, 5,000 images",
    "reestimated_loss": "validation loss, 5,000 images, re-estimated",
    "late_train_loss": "late training loss",
}
OLD, NEW, CHOICE = "accuracy_1000", "reestimated_5000", "late_train_loss"
LEARNT = 0.25
"""Accuracy above which an equation counts as learning; a classifier alone reaches about 0.21."""


def merit(row: Row, measure: str) -> float:
    """The more the better; −inf for a training without that measure."""
    value = row.get(measure)
    if value is None or not math.isfinite(value):
        return -math.inf
    return -value if "loss" in measure else value


def by_equation(rows: Sequence[Row]) -> dict[str, dict[float, dict[int, Row]]]:
    """equation → relative step → seed → row."""
    found: dict[str, dict[float, dict[int, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row["equation"]][row["relative_step"]][row["seed"]] = row
    return found


def best_step(steps: Mapping[float, Mapping[int, Row]], measure: str = CHOICE) -> float:
    """The step with the best mean over seeds; one that lost a seed is worse than any that lost none."""
    return max(steps, key=lambda step: mean(merit(row, measure) for row in steps[step].values()))


def shares(values_ES: np.ndarray) -> tuple[float, float]:
    """(residual deviation, share of variance between equations) of values by equation and seed.

    Two-way analysis of variance without interaction: the residual is what is left after the means of
    equations and seeds; the variance between equations is the component (mean square − residual) / seeds.
    """
    equations, seeds = values_ES.shape
    of_equation = values_ES.mean(1, keepdims=True)
    left = values_ES - of_equation - values_ES.mean(0, keepdims=True) + values_ES.mean()
    residual = float((left**2).sum()) / ((equations - 1) * (seeds - 1))
    between = max(0.0, float(of_equation.var(ddof=1)) - residual / seeds)
    return math.sqrt(residual), between / (between + residual)


def seed_correlation(values_ES: np.ndarray) -> float:
    """Spearman's rank correlation of two seeds, mean over all pairs."""
    columns = [_ranks(values_ES[:, seed]) for seed in range(values_ES.shape[1])]
    return mean(float(np.corrcoef(a, b)[0, 1]) for a, b in itertools.combinations(columns, 2))


def _ranks(values: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    for value in np.unique(values):
        ranks[values == value] = ranks[values == value].mean()
    return ranks


def cost_of_choosing(rows: Sequence[Row], early: str) -> tuple[float, int]:
    """Points of final ``NEW`` lost by choosing each training's step by ``early``, and over how many choices.

    One choice for every equation and seed among the steps that were trained with it; equations that learn.
    """
    lost = []
    for steps in by_equation(rows).values():
        for seed in {seed for of_seed in steps.values() for seed in of_seed}:
            candidates = [of_seed[seed] for of_seed in steps.values() if seed in of_seed]
            best = max(merit(row, NEW) for row in candidates)
            if len(candidates) > 1 and best >= LEARNT:
                chosen = max(candidates, key=lambda row: merit(row, early))
                lost.append(100 * (best - max(0.0, merit(chosen, NEW))))
    return (mean(lost) if lost else math.nan), len(lost)


def tables(rows: Sequence[Row]) -> str:
    """All tables, as Markdown."""
    found = by_equation(rows)
    seeds = sorted({row["seed"] for row in rows})
    best = {equation: found[equation][best_step(found[equation])] for equation in found}
    whole = {equation: runs for equation, runs in best.items() if _complete(runs, seeds)}
    learning = {
        equation: runs
        for equation, runs in whole.items()
        if mean(merit(row, NEW) for row in runs.values()) >= LEARNT
    }
    return "\n\n".join(
        (
            _equations(found, best),
            _noise("All equations that trained with every seed", whole, seeds),
            _noise("Those of them that learn", learning, seeds),
            _choices(rows),
        )
    )


def _complete(runs: Mapping[int, Row], seeds: Sequence[int]) -> bool:
    return all(seed in runs and math.isfinite(merit(runs[seed], CHOICE)) for seed in seeds)


def _equations(
    found: Mapping[str, Mapping[float, Mapping[int, Row]]], best: Mapping[str, Mapping[int, Row]]
) -> str:
    lines = [
        "| equation | relative step | rate | old measure, % | new measure, % | late loss | ended early |",
        "|---|---|---|---|---|---|---|",
    ]
    order = sorted(best, key=lambda each: -mean(merit(row, NEW) for row in best[each].values()))
    for equation in order:
        runs = list(best[equation].values())
        step = runs[0]["relative_step"]
        edge = "" if min(found[equation]) < step < max(found[equation]) else " (edge)"
        early = sum(row["outcome"] != "completed" for of in found[equation].values() for row in of.values())
        rates = [row["learning_rate"] for row in runs if row["learning_rate"] is not None]
        cells = (
            f"`{equation}`",
            f"{step:.3g}{edge}",
            f"{mean(rates) if rates else math.nan:.2g}",
            *(_spread(runs, OLD, 100), _spread(runs, NEW, 100), _spread(runs, CHOICE, 1)),
            str(early),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(runs: Sequence[Row], measure: str, scale: float) -> str:
    values = [scale * row[measure] for row in runs if math.isfinite(merit(row, measure))]
    if not values:
        return "–"
    digits = 1 if scale == 100 else 3
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


def _noise(title: str, best: Mapping[str, Mapping[int, Row]], seeds: Sequence[int]) -> str:
    lines = [
        f"{title}: n = {len(best)}, {len(seeds)} seeds",
        "",
        "| measure | mean | residual | share between equations | rank correlation, seed to seed |",
        "|---|---|---|---|---|",
    ]
    if len(best) < 3 or len(seeds) < 2:
        return lines[0] + ": too few"
    for measure, name in MEASURES.items():
        values_ES = np.array([[runs[seed][measure] for seed in seeds] for runs in best.values()])
        residual, share = shares(values_ES)
        correlation = seed_correlation(values_ES)
        lines.append(
            f"| {name} | {values_ES.mean():.3f} | {residual:.3f} | {share:.2f} | {correlation:.2f} |"
        )
    return "\n".join(lines)


def _choices(rows: Sequence[Row]) -> str:
    early: list[tuple[str, Callable[[Sequence[Row]], tuple[float, int]]]] = [
        ("validation accuracy after 40 steps", lambda given: cost_of_choosing(given, "early_accuracy")),
        ("late training loss after 40 steps", lambda given: cost_of_choosing(given, "early_loss")),
        ("late training loss at the end", lambda given: cost_of_choosing(given, CHOICE)),
    ]
    lines = ["| the relative step chosen by | points lost at the end | choices |", "|---|---|---|"]
    for name, cost in early:
        points, count = cost(rows)
        lines.append(f"| {name} | {points:.2f} | {count} |")
    return "\n".join(lines)
