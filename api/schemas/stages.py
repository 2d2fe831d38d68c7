"""The stages of a search's funnel on the wire."""

from __future__ import annotations

from api.schemas.wire import Wire
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from backprop_evo.service.funnel import StageProgress


class StageOut(Wire):
    """A stage. ``evaluation`` is its id and ``url`` its resource, both null until it is ordered, as are its
    state and numbers. Of the ``equations`` that entered, ``through`` completed all trainings; ``verdict`` is
    null in a stage that only chooses."""

    role: Role
    seeds: int
    evaluation: str | None
    url: str | None
    state: SearchState | None
    trials_done: int
    trials_total: int | None
    equations: int | None
    through: int | None
    verdict: str | None

    @classmethod
    def of(cls, told: StageProgress) -> StageOut:
        """A stage as far as it has come."""
        evaluation = told.evaluation
        return cls(
            role=told.stage.role,
            seeds=told.seeds,
            evaluation=evaluation.id if evaluation else None,
            url=f"/api/v1/evaluations/{evaluation.id}" if evaluation else None,
            state=evaluation.state if evaluation else None,
            trials_done=evaluation.trials_done if evaluation else 0,
            trials_total=evaluation.trials_total if evaluation else None,
            equations=told.equations,
            through=told.through,
            verdict=told.verdict,
        )
