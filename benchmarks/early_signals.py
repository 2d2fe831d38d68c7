"""What the early values of a training say of its end: rank correlations, the choice of the rate, and those
that were carried on. No torch.

The signal of an equation at a rung is its lowest training loss, or its highest accuracy, over the relative
steps, with one seed; what it is held against is the true accuracy. Figures are means over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import mean

import numpy as np
from curve_table import LEARNT, STEPS, Table, Training

TOP = 10
#: Reads a signal from a training at a rung, the more the better.
Reading = Callable[[Training, int], float]


def loss_read(training: Training, rung: int) -> float:
    """−∞ for one that ended early: behind all others."""
    value = training.at(rung)
    return -math.inf if value is None else -value.train_loss


def accuracy_read(training: Training, rung: int) -> float:
    """0 for one that ended early."""
    value = training.at(rung)
    return 0.0 if value is None else value.accuracy


READINGS: dict[str, Reading] = {"accuracy": accuracy_read, "training loss": loss_read}


def ranks(values: Sequence[float]) -> np.ndarray:
    """From 0 up; equal values share their mean rank."""
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[inverse]


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's; NaN where either has no two different values."""
    a, b = ranks(one), ranks(other)
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def signals(table: Table, seed: int, rung: int, reading: Reading) -> list[float]:
    """Of every equation, at its best relative step by this very signal."""
    return [
        max(reading(table.trainings[number, seed, step], rung) for step in table.relative_steps)
        for number in range(len(table.equations))
    ]


def found_in_best_quarter(signal: Sequence[float], truth: Sequence[float], top: int = TOP) -> int:
    """How many of the truly best ``top`` are in the best quarter by the signal."""
    by_signal = sorted(range(len(signal)), key=lambda number: -signal[number])
    by_truth = sorted(range(len(truth)), key=lambda number: -truth[number])
    return len(set(by_signal[: max(1, len(signal) // 4)]) & set(by_truth[:top]))


def cost_of_choosing(table: Table, rung: int, reading: Reading) -> float:
    """Points of final accuracy lost by choosing each equation's relative step at ``rung``: mean over learners
    and seeds, each training's end held against the best end with that seed."""
    lost = []
    for number in _learners(table):
        for seed in table.seeds:
            candidates = [table.trainings[number, seed, step] for step in table.relative_steps]
            chosen = max(candidates, key=lambda training: reading(training, rung))
            lost.append(100 * (max(each.accuracy for each in candidates) - chosen.accuracy))
    return mean(lost) if lost else math.nan


def _learners(table: Table) -> list[int]:
    return [n for n in range(len(table.equations)) if table.true_accuracy(n) >= LEARNT]


def seconds_to(table: Table, rung: int) -> float:
    """CPU seconds an equation until all its relative steps are at the rung, without measuring."""
    total = 0.0
    for training in table.trainings.values():
        value = training.at(rung)
        total += training.set_up_s + (training.trained_s if value is None else value.trained_s)
    return total / (len(table.equations) * len(table.seeds))


def signal_tables(table: Table) -> str:
    """All three, as Markdown."""
    parts = [_correlations(table), _choices(table)]
    return "\n\n".join([*parts, further_table(table)] if table.further else parts)


def _shown(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _correlations(table: Table) -> str:
    truth = [table.true_accuracy(number) for number in range(len(table.equations))]
    learners = _learners(table)
    lines = [
        f"Rank correlation with the true accuracy: all {len(truth)} equations / the {len(learners)} learners "
        f"/ how many of the truly best {TOP} are in the best quarter.",
        "",
        "| after steps | CPU s an equation, all rates | accuracy | training loss |",
        "|---|---|---|---|",
    ]
    for rung in STEPS:
        cells = []
        for reading in READINGS.values():
            by_seed = [signals(table, seed, rung, reading) for seed in table.seeds]
            everywhere = mean(rank_correlation(signal, truth) for signal in by_seed)
            among = mean(
                rank_correlation([signal[n] for n in learners], [truth[n] for n in learners])
                for signal in by_seed
            )
            found = mean(found_in_best_quarter(signal, truth) for signal in by_seed)
            cells.append(f"{_shown(everywhere)} / {_shown(among)} / {found:.1f}")
        lines.append(f"| {rung} | {seconds_to(table, rung):.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _choices(table: Table) -> str:
    lines = [
        "Points of final accuracy lost by choosing the relative step early, mean over learners and seeds.",
        "",
        "| after steps | by accuracy | by training loss |",
        "|---|---|---|",
    ]
    for rung in STEPS:
        costs = [_shown(cost_of_choosing(table, rung, reading)) for reading in READINGS.values()]
        lines.append(f"| {rung} | {' | '.join(costs)} |")
    return "\n".join(lines)


def further_table(table: Table) -> str:
    """Those carried on: what each rung says of the accuracy at the very end."""
    finished = [each for each in table.further if each.outcome == "completed" and each.values]
    last = max(each.values[-1].step for each in finished)
    ends = [each.values[-1].accuracy for each in finished]
    lines = [
        f"The {len(finished)} that were carried on to {last} steps: rank correlation with the accuracy "
        "there / points of it lost by taking the first at a rung.",
        "",
        "| after steps | accuracy | training loss |",
        "|---|---|---|",
    ]
    for step in [value.step for value in finished[0].values]:
        cells = []
        for reading in READINGS.values():
            early = [reading(each, step) for each in finished]
            lost = 100 * (max(ends) - ends[int(np.argmax(early))])
            cells.append(f"{_shown(rank_correlation(early, ends))} / {lost:.1f}")
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)
