"""The course of a search: the best fitness so far, over trials and over the time that workers trained."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.evaluation.search_report.facts import SearchFacts
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState

COUNTED_STATES = frozenset(TrialState) - {TrialState.SCREENED}


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """After so many search trials and so many seconds of workers the best fitness was that, in [0, 1]."""

    trials: int
    worker_s: float
    best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A point for each improvement, and one at the end. ``trials`` and ``worker_s`` are all that it took,
    ``worker_s`` with everything that was trained before the confirmation. ``backprop`` is plain backprop's
    fitness in the same short training."""

    name: str
    points: tuple[CoursePoint, ...]
    trials: int
    worker_s: float
    backprop: float | None


def course_of(facts: SearchFacts) -> Course:
    """In the order in which trials finished. A training that was screened out is no trial, but took time."""
    trials, worker_s, best = 0, 0.0, None
    backprop = None
    points: list[CoursePoint] = []
    for each in facts.finishes:
        if each.purpose is Purpose.CONFIRMATION:
            continue
        worker_s += facts.worker_s.get(each.trial_id, 0.0)
        if each.purpose is Purpose.BASELINE:
            backprop = each.validation_accuracy
        if each.purpose is not Purpose.SEARCH:
            continue
        trials += each.state in COUNTED_STATES
        accuracy = each.validation_accuracy
        if accuracy is not None and (best is None or accuracy > best):
            best = accuracy
            points.append(CoursePoint(trials, worker_s, best))
    if best is not None:
        points.append(CoursePoint(trials, worker_s, best))
    return Course(
        name=facts.search.spec.name,
        points=tuple(points),
        trials=trials,
        worker_s=worker_s,
        backprop=backprop,
    )
