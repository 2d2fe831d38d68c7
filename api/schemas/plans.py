"""Searches before they are submitted: checked, and planned where they have a budget."""

from __future__ import annotations

from api.schemas.wire import Wire
from backprop_evo.records.searching import SearchSpec
from backprop_evo.service.timing import plan_document
from backprop_evo.service.use_cases import CheckedSearch


class StageOut(Wire):
    """One stage: the search itself, or one after it of the ``best`` equations with so many ``seeds``.
    ``steps`` is the mean of a training."""

    stage: str
    best: int | None
    seeds: int | None
    trainings: int
    steps: float
    minutes: float
    ends_after_minutes: float


class PlanOut(Wire):
    """What is expected of a search with a budget of so many ``minutes`` on the slots that live; it stands on
    so many trainings that were ``measured`` in this setting, 0: on a guess. ``trials`` are those of the
    search itself, ``least_minutes`` the smallest budget that would do."""

    minutes: float
    slots: int
    stands_on: str
    measured: int
    rungs: list[int]
    trials: int
    least_minutes: float
    stages: list[StageOut]


class CheckedSearchOut(Wire):
    """The search as it would be stored, with what its plan fills in; no ``plan`` without a budget."""

    spec: SearchSpec
    plan: PlanOut | None
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, checked: CheckedSearch) -> CheckedSearchOut:
        """What the service found."""
        plan = None if checked.plan is None else PlanOut.model_validate(plan_document(checked.plan))
        return cls(spec=checked.spec, plan=plan, warnings=checked.warnings)
