"""Training curves of several methods over each other, as a table: mean accuracy by epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from backprop_evo.records.training import TrainResult

MAX_ROWS = 12
"""Of the table: a curve of 300 epochs shows no more by 300 numbers."""


@dataclass(frozen=True, slots=True)
class CurveRow:
    """``means`` are validation accuracies in [0, 1], one for each method, over its trainings that measured at
    this ``epoch``; None without any."""

    epoch: float
    means: tuple[float | None, ...]


def curve_rows(curves: Sequence[Sequence[TrainResult]], most: int = MAX_ROWS) -> tuple[CurveRow, ...]:
    """Of each method's results; at most so many rows, evenly chosen, the last epoch among them."""
    columns = [_by_epoch(results) for results in curves]
    epochs = sorted({epoch for column in columns for epoch in column})
    step = -(-len(epochs) // most) if epochs else 1
    chosen = epochs[::-1][::step][::-1]  # counted from the end, where the difference is
    return tuple(CurveRow(epoch, tuple(column.get(epoch) for column in columns)) for epoch in chosen)


def _by_epoch(results: Sequence[TrainResult]) -> Mapping[float, float]:
    found: dict[float, list[float]] = {}
    for result in results:
        for point in result.curve:
            if point.validation_accuracy is not None:
                found.setdefault(round(point.epoch, 3), []).append(point.validation_accuracy)
    return {epoch: fmean(values) for epoch, values in found.items()}


def rates_of(results: Sequence[TrainResult]) -> Mapping[float, int]:
    """How many of the trainings had which learning rate."""
    counted = Counter(each.learning_rate for each in results if each.learning_rate is not None)
    return dict(sorted(counted.items()))
