"""Terminal trials as the brain hears of them: the query, and what one row of it says."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CompoundSelect, Row, Select, and_, null, select, union_all

from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import FinishRecord
from backprop_evo.records.training import IntermediateValue
from backprop_evo.store.tables import INTERMEDIATE_VALUES, RETRIES, TRIALS

VALUES = INTERMEDIATE_VALUES.c
#: A training ends at the first value that is judged so, and a second attempt hears the same of it: at most
#: one row a trial.
ENDED_IT = and_(
    VALUES.trial_id == TRIALS.c.id, VALUES.pruned.is_not(None), TRIALS.c.state == TrialState.PRUNED
)


VALUE_NAMES = ("step", "rung", "validation_accuracy", "train_loss")


def finishes_of(search_id: str, after: int) -> CompoundSelect[Any]:
    """Those of a search, in finish order from ``after`` on, without specs and curves; ends of trials that
    were tried again since are among them, as they were heard."""
    columns: Select[Any] = select(
        *(TRIALS.c[name] for name in ("id", "individual", "purpose", "state", "finish_order")),
        *(TRIALS.c[name] for name in ("validation_accuracy", "relative_step")),
        *(VALUES[name].label(f"value_{name}") for name in VALUE_NAMES),
    )
    present = columns.select_from(TRIALS.outerjoin(INTERMEDIATE_VALUES, ENDED_IT)).where(
        TRIALS.c.search_id == search_id, TRIALS.c.finish_order > after
    )
    numbers = ("validation_accuracy", "relative_step", *(f"value_{name}" for name in VALUE_NAMES))
    earlier: Select[Any] = select(
        RETRIES.c.trial_id.label("id"),
        *(RETRIES.c[name] for name in ("individual", "purpose", "state", "finish_order")),
        *(null().label(name) for name in numbers),
    ).where(RETRIES.c.search_id == search_id, RETRIES.c.finish_order > after)
    return union_all(present, earlier).order_by("finish_order")


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
