"""What is told of a search's funnel: how far each of its stages is, and what came through."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.evaluation.stages import Stage, stages_of, survivors
from backprop_evo.evaluation.table import table_of
from backprop_evo.records.stored import EvaluationRecord, SearchRecord
from backprop_evo.store.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """One stage; without an ``evaluation`` it has not been ordered. ``equations`` entered it, of which
    ``through`` completed every training so far planned. ``verdict`` is the headline of a stage that judges:
    None for one that chooses."""

    stage: Stage
    seeds: int
    evaluation: EvaluationRecord | None = None
    equations: int | None = None
    through: int | None = None
    verdict: str | None = None

    @property
    def is_open(self) -> bool:
        """Ordered, and without an end."""
        return self.evaluation is not None and not self.evaluation.state.is_terminal


def progress_of_stages(store: Store, search: SearchRecord) -> tuple[StageProgress, ...]:
    """Of those that the search has, in their order."""
    ordered = store.evaluations.stages_of(search.id)
    return tuple(_progress(store, search, each, ordered.get(each.role)) for each in stages_of(search.spec))


def _progress(
    store: Store, search: SearchRecord, stage: Stage, evaluation: EvaluationRecord | None
) -> StageProgress:
    if evaluation is None:
        return StageProgress(stage=stage, seeds=stage.asked(search.spec).seeds)
    table = table_of(evaluation, store.evaluations.outcomes(evaluation.id))
    spec = evaluation.spec
    return StageProgress(
        stage=stage,
        seeds=evaluation.seeds,
        evaluation=evaluation,
        equations=len(spec.rows) - 1 - len(spec.controls),
        through=len(survivors(table, search.spec)),
        verdict=table.headline if spec.test else None,
    )
