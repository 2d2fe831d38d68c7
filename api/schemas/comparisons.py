"""Two searches side by side on the wire."""

from __future__ import annotations

from typing import Literal

from api.schemas.leaderboard import AccuraciesOut
from api.schemas.methods import MethodOut
from api.schemas.wire import Wire
from backprop_evo.evaluation.comparison import Best, Comparison, Side
from backprop_evo.evaluation.verdicts import Finding


class CoursePointOut(Wire):
    """The best mean fitness as it was known after so many trainings and so many seconds of a worker."""

    trainings: int
    worker_s: float
    fitness: float


class CourseOut(Wire):
    """What a search came to. ``learning`` of the ``judged`` proposals came further than guessing does;
    ``points`` are where the best changed, and the end."""

    trainings: int
    worker_s: float
    judged: int
    learning: int
    learning_share: float | None
    points: list[CoursePointOut]


class BestOut(Wire):
    """The finalist with the best mean validation accuracy; ``accuracies`` are those that are compared, with
    the 95 % interval of their mean, null for n = 1."""

    method: MethodOut
    accuracies: AccuraciesOut
    low: float | None
    high: float | None

    @classmethod
    def of(cls, best: Best) -> BestOut:
        """As it was computed."""
        accuracies = AccuraciesOut.model_validate(best.accuracies)
        return cls(method=MethodOut.of(best.method), accuracies=accuracies, low=best.low, high=best.high)


class SideOut(Wire):
    """One of the two; ``called`` is what the sentence calls it. ``best`` is null until its confirmation has
    ended; ``fitness`` is its best search fitness, ``fitness_alike`` that after as many trainings as both
    have, ``fitness_alike_s`` after as many seconds of a worker."""

    search_id: str
    name: str
    called: str
    strategy: str
    seed: int
    budget: int
    has_ended: bool
    best: BestOut | None
    fitness: float | None
    fitness_alike: float | None
    fitness_alike_s: float | None
    course: CourseOut

    @classmethod
    def of(cls, side: Side) -> SideOut:
        """As it was computed."""
        made = ("best", "course")
        known = {name: getattr(side, name) for name in cls.model_fields if name not in made}
        best = BestOut.of(side.best) if side.best else None
        return cls(best=best, course=CourseOut.model_validate(side.course), **known)


class ComparisonOut(Wire):
    """``one`` minus ``other``. ``difference`` is that of their best on new seeds, with its 95 % interval
    ``low`` to ``high`` over ``n`` pairs (``paired``), or at least ``n`` of each; null until both have
    confirmed. ``trainings`` and ``worker_s`` are what both have come to. ``sentence`` says it in words,
    ``remarks`` what is to be known with it."""

    one: SideOut
    other: SideOut
    compared_by: Literal["validation", "test"]
    paired: bool
    n: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    finding: Finding
    trainings: int
    worker_s: float
    sentence: str
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, comparison: Comparison) -> ComparisonOut:
        """As it was computed."""
        known = {name: getattr(comparison, name) for name in cls.model_fields if name not in ("one", "other")}
        return cls(one=SideOut.of(comparison.one), other=SideOut.of(comparison.other), **known)
