"""What is answered before a search is submitted, and when two are compared."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.client.answers import Method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Accuracies


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """The search itself, or one stage after it of the ``best`` equations with so many ``seeds``. ``steps``
    is the mean of a training."""

    stage: str
    best: int | None
    seeds: int | None
    trainings: int
    steps: float
    minutes: float
    ends_after_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is expected of a search with a budget of so many ``minutes`` on the slots that live; it stands on
    so many trainings that were ``measured`` in this setting, 0: on a guess."""

    minutes: float
    slots: int
    stands_on: str
    measured: int
    rungs: tuple[int, ...]
    trials: int
    least_minutes: float
    stages: tuple[PlannedStage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSearch:
    """A search as it would be stored, with what its plan fills in; no ``plan`` without a budget."""

    spec: SearchSpec
    plan: Plan | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePoint:
    """The best mean fitness as it was known after so many trainings and so many seconds of a worker."""

    trainings: int
    worker_s: float
    fitness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a search came to: ``learning`` of the ``judged`` proposals came further than guessing does."""

    trainings: int
    worker_s: float
    judged: int
    learning: int
    learning_share: float | None
    points: tuple[CoursePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The finalist with the best mean validation accuracy; ``low`` and ``high`` bound the mean of what is
    compared, None for n = 1."""

    method: Method
    accuracies: Accuracies
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two. ``fitness`` is its best search fitness, ``fitness_alike`` that after as many trainings
    as both have, ``fitness_alike_s`` after as many seconds of a worker."""

    search_id: str
    name: str
    called: str
    strategy: str
    seed: int
    budget: int
    has_ended: bool
    best: Best | None
    fitness: float | None
    fitness_alike: float | None
    fitness_alike_s: float | None
    course: Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``one`` minus ``other``: the ``difference`` of their best on new seeds with its 95 % interval, None
    until both have confirmed. ``sentence`` says it in words."""

    one: Side
    other: Side
    compared_by: str
    paired: bool
    n: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    finding: str
    trainings: int
    worker_s: float
    sentence: str
    remarks: tuple[str, ...]
