"""The course of a search: what it came to by how many trainings and seconds, and how much of it learned.

What a budget counts is counted here: search trials and remeasurements, none that ended before its first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from backprop_evo import data
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Origin
from backprop_evo.search.budget import COUNTED
from backprop_evo.search.measurements import NO_TRAINING

PROPOSED = (Origin.RANDOM, Origin.MUTATION)
"""Start equations, plain backprop and yardsticks were given, not proposed."""

ERRORS_ABOVE_CHANCE = 3
"""So many standard errors of a measurement: one in a thousand classifiers that guess gets that far."""

FITNESS_SHARE = 0.6
"""Of the validation images those by which a search measures fitness (``data/parts.py``)."""


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """The best mean fitness, in [0, 1], as it was known after so many ``trainings``, which took a worker
    ``worker_s`` seconds in all."""

    trainings: int
    worker_s: float
    fitness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """``points`` are where the best changed, and the end: it falls where a lucky one was measured again. Of
    the ``judged`` proposals, twins among them, the accuracy is known, or that they came to none; ``learning``
    of them came further than guessing does."""

    trainings: int
    worker_s: float
    judged: int
    learning: int
    points: tuple[CoursePoint, ...]

    @property
    def learning_share(self) -> float | None:
        """Of the judged proposals; None without any."""
        return self.learning / self.judged if self.judged else None

    def best_after(self, *, trainings: int | None = None, worker_s: float | None = None) -> float | None:
        """The best fitness that was known then; None where none was."""
        known = [
            point.fitness
            for point in self.points
            if (trainings is None or point.trainings <= trainings)
            and (worker_s is None or point.worker_s <= worker_s)
        ]
        return known[-1] if known else None


def course_of(spec: SearchSpec, individuals: Sequence[IndividualRecord], ends: Sequence[EndRecord]) -> Course:
    """Of what has ended so far; ``ends`` come in finish order."""
    again = {each.number: each.remeasures for each in individuals if each.remeasures is not None}
    trainings, worker_s, known = 0, 0.0, _Best()
    points: list[CoursePoint] = []
    for end in ends:
        if end.purpose not in COUNTED:
            continue
        trainings += end.state is not TrialState.SCREENED
        worker_s += end.wall_time_s
        known.hear(again.get(end.individual, end.individual), end)
        if known.fitness is not None and (not points or known.fitness != points[-1].fitness):
            points.append(CoursePoint(trainings, worker_s, known.fitness))
    if points and points[-1].trainings < trainings:
        points.append(CoursePoint(trainings, worker_s, points[-1].fitness))
    judged, learning = _learning(spec, individuals, ends)
    return Course(
        trainings=trainings, worker_s=worker_s, judged=judged, learning=learning, points=tuple(points)
    )


class _Best:
    """The greatest mean fitness of all behaviours, each by the number of its first individual. One that did
    not train on another seed is out of it, as in the search."""

    def __init__(self) -> None:
        self.fitness: float | None = None
        self._means: dict[int, tuple[int, float]] = {}
        self._out: set[int] = set()
        self._at: int | None = None

    def hear(self, number: int, end: EndRecord) -> None:
        """Take in one more end."""
        n, mean = self._means.get(number, (0, 0.0))
        if end.state in NO_TRAINING and n:
            self._out.add(number)
            del self._means[number]
        elif end.state is TrialState.COMPLETED and end.validation_accuracy is not None:
            if number not in self._out:
                self._means[number] = n + 1, mean + (end.validation_accuracy - mean) / (n + 1)
        else:
            return
        now = self._means.get(number, (0, -1.0))[1]
        if self.fitness is None or now > self.fitness:
            self.fitness, self._at = (now, number) if now >= 0 else (None, None)
        elif number == self._at and now < self.fitness:  # it was lucky: whoever is best now is looked for
            self._at = max(self._means, key=lambda each: self._means[each][1], default=None)
            self.fitness = None if self._at is None else self._means[self._at][1]


def _learning(
    spec: SearchSpec, individuals: Sequence[IndividualRecord], ends: Sequence[EndRecord]
) -> tuple[int, int]:
    """How many proposals were judged, and how many of those learn. A twin is what the first of its behaviour
    is. What was screened out has been judged."""
    enough = guessing_at_most(spec)
    accuracies = {end.individual: end.validation_accuracy or 0.0 for end in ends}
    accuracies |= {each.number: 0.0 for each in individuals if each.screened_out is not None}
    found = [
        accuracies[first]
        for each in individuals
        if each.origin in PROPOSED
        and (first := each.number if each.twin is None else each.twin) in accuracies
    ]
    return len(found), sum(accuracy > enough for accuracy in found)


def guessing_at_most(spec: SearchSpec) -> float:
    """The accuracy, in [0, 1], beyond which a training of the search has learned: chance and three standard
    errors of its measurement."""
    info, train = data.dataset_info(spec.train.data), spec.train
    images = info.validation_images * (FITNESS_SHARE if train.validation_part == "fitness" else 1.0)
    if train.validation_images is not None:
        images = min(images, train.validation_images)
    chance = 1 / info.classes
    return chance + ERRORS_ABOVE_CHANCE * sqrt(chance * (1 - chance) / images)
