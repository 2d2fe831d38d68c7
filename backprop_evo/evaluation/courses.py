"""The course of a search: what it came to by how many trainings and seconds, and how much of it learned.

Search trials alone count, and of them none that ended before its first step, as in a budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from backprop_evo import data
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Origin

PROPOSED = (Origin.RANDOM, Origin.MUTATION)
"""Start equations, plain backprop and yardsticks were given, not proposed."""

ERRORS_ABOVE_CHANCE = 3
"""So many standard errors of a measurement: one in a thousand classifiers that guess gets that far."""

FITNESS_SHARE = 0.6
"""Of the validation images those by which a search measures fitness (``data/parts.py``)."""


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """The best fitness so far, in [0, 1], after so many ``trainings``, which took a worker ``worker_s``
    seconds in all."""

    trainings: int
    worker_s: float
    fitness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """``points`` are where the best rose, and the end. Of the ``judged`` proposals, twins among them, the
    accuracy is known, or that they came to none; ``learning`` of them came further than guessing does."""

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
    trainings, worker_s, best = 0, 0.0, -1.0
    points: list[CoursePoint] = []
    for end in ends:
        if end.purpose is not Purpose.SEARCH:
            continue
        trainings += end.state is not TrialState.SCREENED
        worker_s += end.wall_time_s
        accuracy = end.validation_accuracy if end.state is TrialState.COMPLETED else None
        if accuracy is not None and accuracy > best:
            best = accuracy
            points.append(CoursePoint(trainings, worker_s, best))
    if points and points[-1].trainings < trainings:
        points.append(CoursePoint(trainings, worker_s, best))
    judged, learning = _learning(spec, individuals, ends)
    return Course(
        trainings=trainings, worker_s=worker_s, judged=judged, learning=learning, points=tuple(points)
    )


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
