"""Differences to plain backprop over the number of steps, from the curves of an evaluation's trainings.

Trainings that differ in nothing but their length stand together: an equation that learns faster at first may
be passed later, which no single length shows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import fmean

from backprop_evo.evaluation.search_report.facts import EvaluationFacts, SearchFacts, steps_of
from backprop_evo.evaluation.statistics import paired_difference
from backprop_evo.evaluation.table import method_words
from backprop_evo.records.evaluating import setting_words
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainSpec

LONGER = 1.25
"""A horizon is longer where it has at least so many times the steps: rounding makes none."""


LENGTH = re.compile(r", [\d.e+-]+ epochs")
"""As the words of a setting tell it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonPoint:
    """``difference`` in validation accuracy after ``steps``, the mean over ``n`` pairs, ``low`` and ``high``
    its 95 % interval, None for one pair. ``backprop`` is plain backprop's mean there."""

    steps: int
    n: int
    difference: float
    low: float | None
    high: float | None
    backprop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceLine:
    """One method; a ``control`` is there to be beaten."""

    method: str
    is_control: bool
    points: tuple[HorizonPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizons:
    """All methods under one train spec but for its length. ``circumstances`` tell the rest.
    ``is_of_search``: they are those in which the search looked."""

    circumstances: str
    is_of_search: bool
    lines: tuple[DifferenceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LongRun:
    """Plain backprop's mean validation accuracy after ``steps``, and after ``long_steps``, the most that any
    evaluation of the search has trained it for under otherwise equal circumstances."""

    steps: int
    accuracy: float
    long_steps: int
    long_accuracy: float

    @property
    def share(self) -> float:
        """Of its long-run accuracy, in [0, 1] unless longer training hurts."""
        return self.accuracy / self.long_accuracy if self.long_accuracy else 1.0


Measured = dict[tuple[int, int, int], dict[tuple[int, int], float]]
"""Accuracies by (evaluation, setting's place, row), then by (seed, steps)."""


def horizons_of(facts: SearchFacts) -> tuple[Horizons, ...]:
    """Those of the search first; settings of one data set that nobody knows are left out."""
    groups: defaultdict[TrainSpec, list[tuple[EvaluationFacts, TrainSpec]]] = defaultdict(list)
    for evaluation in facts.evaluations:
        for setting in evaluation.record.spec.settings:
            groups[without_length(setting.train)].append((evaluation, setting.train))
    own = without_length(facts.search.spec.train)
    found = [
        Horizons(
            circumstances=LENGTH.sub("", setting_words(group[0][1]), count=1),
            is_of_search=key == own,
            lines=lines,
        )
        for key, group in groups.items()
        if (lines := _lines(group, facts.images))
    ]
    return tuple(sorted(found, key=lambda each: not each.is_of_search))


def without_length(train: TrainSpec) -> TrainSpec:
    """Equal for train specs that differ in their length alone, or in what they are measured on."""
    return replace(
        train,
        epochs=1.0,
        validation_part="fitness",
        evaluate_test=False,
        time_limit_s=None,
        memory_limit_mib=None,
    )


def _lines(
    group: Sequence[tuple[EvaluationFacts, TrainSpec]], images: Mapping[str, int]
) -> tuple[DifferenceLine, ...]:
    points: defaultdict[tuple[str, bool], dict[int, HorizonPoint]] = defaultdict(dict)
    for evaluation, train in group:
        if train.data not in images:
            continue
        spec = evaluation.record.spec
        by_row = _curves(evaluation, train, images[train.data])
        for row, method in enumerate(spec.rows):
            if row == 0:
                continue
            line = points[method_words(method), method in spec.controls]
            for point in _points(by_row[row], by_row[0]):
                # Where two evaluations have the same length, the one with more seeds says more.
                if point.steps not in line or line[point.steps].n < point.n:
                    line[point.steps] = point
    return tuple(
        DifferenceLine(method=method, is_control=control, points=tuple(line[at] for at in sorted(line)))
        for (method, control), line in points.items()
        if line
    )


Curves = Mapping[tuple[int, int], float]
"""Accuracy by seed and steps."""


def _curves(evaluation: EvaluationFacts, train: TrainSpec, images: int) -> Mapping[int, Curves]:
    """By row. A training that did not complete has no pair in the end, and so none on its way."""
    found: defaultdict[int, dict[tuple[int, int], float]] = defaultdict(dict)
    key = (without_length(train), train.epochs)
    for trial in evaluation.trials:
        result = trial.result
        if (without_length(trial.spec), trial.spec.epochs) != key or result is None:
            continue
        if result.outcome is not TrialState.COMPLETED:
            continue
        for point in result.curve:
            if point.validation_accuracy is not None and isfinite(point.validation_accuracy):
                at = (trial.seed, steps_of(train, point.epoch, images))
                found[trial.individual][at] = point.validation_accuracy
    return found


def _points(own: Curves, backprop: Curves) -> Iterable[HorizonPoint]:
    for steps in sorted({steps for _, steps in own}):
        seeds = [seed for seed, at in own if at == steps and (seed, steps) in backprop]
        others = [backprop[seed, steps] for seed in seeds]
        difference = paired_difference([own[seed, steps] for seed in seeds], others)
        if difference is not None:
            yield HorizonPoint(
                steps=steps,
                n=difference.n,
                difference=difference.mean,
                low=difference.low,
                high=difference.high,
                backprop=fmean(others),
            )


def long_run_of(horizons: Sequence[Horizons], steps: int | None) -> LongRun | None:
    """How far plain backprop is after ``steps``; None where no evaluation has trained it for longer."""
    known = {
        point.steps: point.backprop
        for each in horizons
        if each.is_of_search
        for line in each.lines
        for point in line.points
    }
    if steps not in known or max(known) < LONGER * steps:
        return None
    last = max(known)
    return LongRun(steps=steps, accuracy=known[steps], long_steps=last, long_accuracy=known[last])
