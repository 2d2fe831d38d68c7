"""What people change in what is there, on the wire: marks, equations put in, ends that were tried again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from api.schemas.wire import Wire, whole
from backprop_evo.records.states import TrialState
from backprop_evo.records.steering import MAX_NOTE, MAX_PRIORITY, MAX_TAG, MAX_TAGS, MAX_TRIALS, Changes
from backprop_evo.records.stored import DrivenRecord

Tag = Annotated[str, Field(max_length=MAX_TAG, pattern="^[A-Za-z0-9_.:/@+-]+$")]
MARKS: dict[str, Any] = {
    "priority": (whole(ge=1, le=MAX_PRIORITY), Field(None, description="Share of the slots beside others.")),
    "tags": (list[Tag], Field(None, max_length=MAX_TAGS, description="In place of those there are.")),
    "note": (str, Field(None, max_length=MAX_NOTE, description="A text of yours.")),
    "archived": (bool, Field(None, description="Left out of lists; only what has ended.")),
}
BUDGET: dict[str, Any] = {
    "trials": (whole(ge=1, le=MAX_TRIALS), Field(None, description="The budget of one that has not ended.")),
}
CONFIG = ConfigDict(extra="forbid", strict=True, json_schema_extra={"minProperties": 1})
SearchChangesIn: type[BaseModel] = create_model(
    "SearchChangesIn", __config__=CONFIG, __doc__="What is to be changed of a search.", **MARKS, **BUDGET
)
EvaluationChangesIn: type[BaseModel] = create_model(
    "EvaluationChangesIn", __config__=CONFIG, __doc__="What is to be changed of an evaluation.", **MARKS
)


def changes_of(body: BaseModel) -> Changes:
    """What a body names."""
    named: dict[str, Any] = body.model_dump(exclude_unset=True)
    if "tags" in named:
        named["tags"] = tuple(named["tags"])
    return Changes(**named)


def marks_of(driven: DrivenRecord[Any]) -> dict[str, Any]:
    """What may be changed of it at any time, as it stands."""
    marks = driven.marks
    archived = marks.archived_at is not None
    return {"priority": marks.priority, "tags": marks.tags, "note": marks.note, "archived": archived}


class InjectionOut(Wire):
    """An equation that somebody put in. ``individual`` is its number once it has its place; ``twin`` the
    individual that behaves the same, whose fitness it inherits; ``screened_out`` why it is left untrained;
    ``state`` that of its trial. ``outcome`` says what became of it, or will, in words."""

    place: int
    equation: str
    fingerprint: str
    individual: int | None
    twin: int | None
    screened_out: str | None
    state: TrialState | None
    outcome: str
    injected_at: datetime


class RetryOut(Wire):
    """An end of a trial that was tried again: what was heard of it at ``finish_order``."""

    finish_order: int
    state: TrialState
    reason: str | None
    ended_at: datetime
    retried_at: datetime
