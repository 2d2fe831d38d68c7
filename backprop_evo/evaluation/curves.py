"""Training curves of several methods over each other, as a table and as lines: mean accuracy by epoch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TypeVar

from backprop_evo.records.training import TrainResult

T = TypeVar("T")

MAX_ROWS = 12
"""Of the table: a curve of 300 epochs shows no more by 300 numbers."""


MAX_POINTS = 200
"""Of a line: a chart is no wider in what one can tell apart."""


@dataclass(frozen=True, slots=True)
class CurveRow:
    """``means`` are validation accuracies in [0, 1], one for each method, over its trainings that measured at
    this ``epoch``; None without any."""

    epoch: float
    means: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class MeanPoint:
    """Of one method at an ``epoch``: mean validation accuracy in [0, 1] over its ``n`` trainings that
    measured there, and their sample standard deviation, None for n = 1."""

    epoch: float
    mean: float
    std: float | None
    n: int


def mean_curves(
    curves: Sequence[Sequence[TrainResult]], most: int = MAX_POINTS
) -> tuple[tuple[MeanPoint, ...], ...]:
    """The line of each method; at most so many points, evenly chosen, the last epoch among them."""
    return tuple(_mean_curve(results, most) for results in curves)


def _mean_curve(results: Sequence[TrainResult], most: int) -> tuple[MeanPoint, ...]:
    found = _by_epoch(results)
    return tuple(
        MeanPoint(
            epoch=epoch,
            mean=fmean(found[epoch]),
            std=stdev(found[epoch]) if len(found[epoch]) > 1 else None,
            n=len(found[epoch]),
        )
        for epoch in spaced(sorted(found), most)
    )


def curve_rows(curves: Sequence[Sequence[TrainResult]], most: int = MAX_ROWS) -> tuple[CurveRow, ...]:
    """Of each method's results; at most so many rows, evenly chosen, the last epoch among them."""
    columns = [{at: fmean(values) for at, values in _by_epoch(results).items()} for results in curves]
    epochs = sorted({epoch for column in columns for epoch in column})
    chosen = spaced(epochs, most)
    return tuple(CurveRow(epoch, tuple(column.get(epoch) for column in columns)) for epoch in chosen)


def spaced(points: Sequence[T], at_most: int) -> list[T]:
    """At most so many at even distances, counted from the end, which is where the difference is."""
    every = max(1, math.ceil(len(points) / at_most))
    return list(points[::-1][::every])[::-1]


def _by_epoch(results: Sequence[TrainResult]) -> Mapping[float, Sequence[float]]:
    found: dict[float, list[float]] = {}
    for result in results:
        for point in result.curve:
            if point.validation_accuracy is not None:
                found.setdefault(round(point.epoch, 3), []).append(point.validation_accuracy)
    return found


def rates_of(results: Sequence[TrainResult]) -> Mapping[float, int]:
    """How many of the trainings had which learning rate."""
    counted = Counter(each.learning_rate for each in results if each.learning_rate is not None)
    return dict(sorted(counted.items()))
