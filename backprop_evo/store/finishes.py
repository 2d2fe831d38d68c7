"""Terminal trials as the brain hears of them: the query, and what one row of it says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, and_, select

from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import FinishRecord
from backprop_evo.records.training import IntermediateValue
from backprop_evo.store.tables import INTERMEDIATE_VALUES, TRIALS

VALUES = INTERMEDIATE_VALUES.c
#: A training ends at the first value that is judged so, and a second attempt hears the same of it: at most
#: one row a trial.
ENDED_IT = and_(
    VALUES.trial_id == TRIALS.c.id, VALUES.pruned.is_not(None), TRIALS.c.state == TrialState.PRUNED
)


def finishes_of(search_id: str, after: int) -> Select[Any]:
    """Those of a search, in finish order from ``after`` on, without specs and curves."""
    columns: Select[Any] = select(
        *(TRIALS.c[name] for name in ("id", "individual", "purpose", "state", "finish_order")),
        *(TRIALS.c[name] for name in ("validation_accuracy", "relative_step")),
        *(
            VALUES[name].label(f"value_{name}")
            for name in ("step", "rung", "validation_accuracy", "train_loss")
        ),
    )
    return (
        columns.select_from(TRIALS.outerjoin(INTERMEDIATE_VALUES, ENDED_IT))
        .where(TRIALS.c.search_id == search_id, TRIALS.c.finish_order > after)
        .order_by(TRIALS.c.finish_order)
    )


def finish_record(row: Row[Any]) -> FinishRecord:
    """A finish, from the columns of ``finishes_of``."""
    completed, pruned_at = row.state == TrialState.COMPLETED, None
    if row.value_step is not None:
        pruned_at = IntermediateValue(
            step=row.value_step,
            rung=row.value_rung,
            validation_accuracy=row.value_validation_accuracy,
            train_loss=row.value_train_loss,
        )
    return FinishRecord(
        trial_id=row.id,
        individual=row.individual,
        purpose=Purpose(row.purpose),
        state=TrialState(row.state),
        finish_order=row.finish_order,
        validation_accuracy=row.validation_accuracy if completed else None,
        relative_step=row.relative_step if completed or pruned_at is not None else None,
        pruned_at=pruned_at,
    )
