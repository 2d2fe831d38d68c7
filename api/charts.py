"""Geometry of line and dot charts. Markup and colours are the template's and the style sheet's.

A chart is a drawing of 1000 × 1000 units that is stretched to whatever room there is: strokes do not scale,
ticks are evenly spaced text beside it, so that it reads well on a telephone without a script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from backprop_evo.evaluation.axes import even_ticks
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import FinishRecord, TrialRecord
from backprop_evo.search.budget import COUNTED

SIZE = 1000
# More dots than this cannot be told apart on a screen, and make the page slow.
MAX_DOTS = 400
MAX_CURVES = 12
MAX_POINTS = 400
# Beyond it the span of an axis would overflow.
LARGEST = 1e100

CONFIRMING = (Purpose.CONFIRMATION, Purpose.EVALUATION)
"""The trials of a confirmation; the first are those of early searches."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One point with what it says and where it leads."""

    x: float
    y: float
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Series:
    """A named line through points, or dots; ``kind`` is also its class in the style sheet."""

    label: str
    kind: Literal["line", "best", "baseline", "search", "confirmation", "beside"]
    points: tuple[tuple[float, float], ...] = ()
    dots: tuple[Dot, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series in drawing units: a path, or dots as (path, title, href). ``place``: its colour's number."""

    place: int
    label: str
    kind: str
    path: str
    dots: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws. ``y_ticks`` go from the top down, ``x_ticks`` from left to right."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[str, ...]
    y_ticks: tuple[str, ...]
    series: tuple[Drawn, ...]


def chart(
    title: str, series: Iterable[Series], *, x_label: str, y_label: str, counts: bool = False
) -> Chart | None:
    """The chart of all finite points; None where there are none. A series' place among all of them is its
    colour, whether or not those before it have points. ``counts``: x is numbered in whole steps."""
    every = [(place, _finite(each)) for place, each in enumerate(series)]
    shown = [(place, each) for place, each in every if each.points or each.dots]
    xs = [x for _, each in shown for x in _xs(each)]
    ys = [y for _, each in shown for y in _ys(each)]
    if not xs:
        return None
    x_axis, y_axis = even_ticks(min(xs), max(xs), whole=counts), even_ticks(min(ys), max(ys))
    return Chart(
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_ticks=tuple(f"{tick:g}" for tick in x_axis),
        y_ticks=tuple(f"{tick:g}" for tick in reversed(y_axis)),
        series=tuple(_draw(place, each, x_axis, y_axis) for place, each in shown),
    )


def fitness_chart(
    finishes: Sequence[FinishRecord],
    confirmation: Sequence[FinishRecord] = (),
    beside: tuple[str, Sequence[FinishRecord]] | None = None,
) -> Chart | None:
    """Validation accuracy (%) of finished trials in the order of finishing, and the best so far; behind them
    those of the search's ``confirmation``. ``beside`` is another search, by what it is called, whose best so
    far is a line of its own."""
    before = len(finishes)
    behind = [replace(each, finish_order=before + each.finish_order) for each in confirmation]
    finishes = [*finishes, *behind]
    completed = [each for each in finishes if each.validation_accuracy is not None]
    searched = [each for each in completed if each.purpose is Purpose.SEARCH]
    counted = [each for each in completed if each.purpose in COUNTED]
    baselines = [each for each in completed if each.purpose is Purpose.BASELINE]
    last = max((each.finish_order for each in completed), default=0)
    first = min((each.finish_order for each in completed), default=0)
    series = [
        Series("search trials", "search", dots=_dots(_thinned(counted))),
        Series("best so far", "best", _best_so_far(searched, last)),
        Series(
            "confirmation",
            "confirmation",
            dots=_dots(_thinned([each for each in completed if each.purpose in CONFIRMING])),
        ),
    ]
    if baselines:
        level = 100 * sum(each.validation_accuracy or 0.0 for each in baselines) / len(baselines)
        series.append(Series("plain backprop", "baseline", ((first, level), (last, level))))
    if beside is not None:
        called, others = beside
        theirs = [each for each in others if each.purpose is Purpose.SEARCH]
        end = max((each.finish_order for each in theirs), default=0)
        series.append(Series(f"best so far, {called}", "beside", _best_so_far(theirs, end)))
    return chart(
        "Fitness over trials",
        series,
        x_label="trials in the order they finished",
        y_label="validation accuracy, %",
        counts=True,
    )


def _best_so_far(searched: Sequence[FinishRecord], last: int) -> tuple[tuple[float, float], ...]:
    """Steps up to the finish order ``last``."""
    best, steps = 0.0, list[tuple[float, float]]()
    for each in searched:
        if each.validation_accuracy is None:
            continue
        accuracy = 100 * each.validation_accuracy
        if not steps or accuracy > best:
            steps += [(each.finish_order, best)] if steps else []
            best = accuracy
            steps.append((each.finish_order, best))
    return (*steps, (last, best)) if steps else ()


def accuracy_chart(trials: Sequence[TrialRecord]) -> Chart | None:
    """Validation accuracy (%) over epochs, one line a trial, the newest first."""
    series = [
        Series(
            f"seed {trial.seed}",
            "line",
            tuple(
                (point.epoch, 100 * point.validation_accuracy)
                for point in trial.result.curve
                if point.validation_accuracy is not None
            ),
        )
        for trial in trials
        if trial.result is not None
    ]
    return chart(
        "Validation accuracy", series[:MAX_CURVES], x_label="epoch", y_label="validation accuracy, %"
    )


def loss_chart(trial: TrialRecord) -> Chart | None:
    """Training loss over epochs."""
    curve = trial.result.curve if trial.result is not None else ()
    points = tuple((point.epoch, point.train_loss) for point in curve)
    return chart("Training loss", [Series("training loss", "line", points)], x_label="epoch", y_label="loss")


def update_angle_chart(trial: TrialRecord) -> Chart | None:
    """Angle (degrees) between the equation's update and the true gradient over steps, one line a layer."""
    return _angle_chart(trial, "Update against true gradient", lambda point: point.update_angle)


def feedback_angle_chart(trial: TrialRecord) -> Chart | None:
    """Angle (degrees) between W and R over steps, one line for each layer that has an R."""
    return _angle_chart(trial, "W against R", lambda point: point.feedback_angle)


def _angle_chart(
    trial: TrialRecord, title: str, angle: Callable[[AlignmentPoint], float | None]
) -> Chart | None:
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in trial.result.alignment if trial.result is not None else ():
        line, degrees = lines.setdefault(point.site, []), angle(point)  # a layer has one colour in all charts
        if degrees is not None and math.isfinite(point.norm_ratio):  # else one of the two has no direction
            line.append((point.step, degrees))
    series = [Series(layer, "line", _spaced(points)) for layer, points in lines.items()]
    return chart(title, series, x_label="step", y_label="angle, degrees", counts=True)


def _spaced(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """At most ``MAX_POINTS`` at even distances, the last among them."""
    every = max(1, math.ceil(len(points) / MAX_POINTS))
    return tuple(reversed(points[::-1][::every]))


def _dots(finishes: Sequence[FinishRecord]) -> tuple[Dot, ...]:
    return tuple(
        Dot(
            each.finish_order,
            100 * (each.validation_accuracy or 0.0),
            f"#{each.individual}: {100 * (each.validation_accuracy or 0.0):.1f} %",
            f"/trials/{each.trial_id}",
        )
        for each in finishes
    )


def _thinned(finishes: Sequence[FinishRecord]) -> list[FinishRecord]:
    """At most ``MAX_DOTS``: the best one of each stretch of the search."""
    if len(finishes) <= MAX_DOTS:
        return list(finishes)
    stretch = math.ceil(len(finishes) / MAX_DOTS)
    parts = [finishes[start : start + stretch] for start in range(0, len(finishes), stretch)]
    return [max(part, key=lambda each: each.validation_accuracy or 0.0) for part in parts]


def drawable(value: float) -> bool:
    """False for NaN, Inf and losses so large that an axis would overflow."""
    return abs(value) <= LARGEST


def _finite(series: Series) -> Series:
    return Series(
        series.label,
        series.kind,
        tuple(point for point in series.points if all(map(drawable, point))),
        tuple(dot for dot in series.dots if drawable(dot.x) and drawable(dot.y)),
    )


def _xs(series: Series) -> list[float]:
    return [x for x, _ in series.points] + [dot.x for dot in series.dots]


def _ys(series: Series) -> list[float]:
    return [y for _, y in series.points] + [dot.y for dot in series.dots]


def _draw(place: int, series: Series, x_axis: Sequence[float], y_axis: Sequence[float]) -> Drawn:
    def at(x: float, y: float) -> str:
        across = SIZE * (x - x_axis[0]) / (x_axis[-1] - x_axis[0])
        down = SIZE * (y_axis[-1] - y) / (y_axis[-1] - y_axis[0])
        return f"{across:.1f},{down:.1f}"

    path = " ".join(f"{'L' if number else 'M'}{at(*point)}" for number, point in enumerate(series.points))
    if len(series.points) == 1:
        # A path of one point draws nothing; a line of no length, with round ends, draws a dot.
        path += "h0"
    dots = tuple((f"M{at(dot.x, dot.y)}h0", dot.title, dot.href) for dot in series.dots)
    return Drawn(place, series.label, series.kind, path, dots)
