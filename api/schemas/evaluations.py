"""Evaluations on the wire."""

from __future__ import annotations

from datetime import datetime

from api.schemas.steering import marks_of
from api.schemas.wire import Wire
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import EvaluationRecord, Role
from backprop_evo.search.lifecycle import EVALUATION_VERBS, legal_verbs


class EvaluationOut(Wire):
    """An evaluation; ``seeds`` counts those that were added in ``extensions``. One that belongs to the search
    ``search_id`` says by its ``role`` what it is to it. ``owner`` is the name of the API key that submitted
    it, or its search. ``warnings`` stand in the answer to its submission only."""

    id: str
    search_id: str | None
    role: Role | None
    owner: str | None
    state: SearchState
    version: int
    verbs: list[str]
    trials_done: int
    trials_total: int
    seeds: int
    extensions: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    stranded: str | None
    failure: str | None
    spec: EvaluationSpec
    priority: int
    tags: tuple[str, ...]
    note: str
    archived: bool
    retries: int
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, evaluation: EvaluationRecord) -> EvaluationOut:
        """An evaluation as stored, with the verbs of its state."""
        marks = marks_of(evaluation)
        made = ("verbs", "warnings", *marks)
        known = {name: getattr(evaluation, name) for name in cls.model_fields if name not in made}
        verbs = [verb.name for verb in legal_verbs(evaluation.state, EVALUATION_VERBS)]
        return cls(verbs=verbs, **known, **marks)
