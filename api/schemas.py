"""What goes over the wire. Accuracies in [0, 1], times in seconds, memory in MiB, moments in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.rendering import latex, method_text
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.searching import (
    Purpose,
    SearchSpec,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import (
    AttemptRecord,
    EvaluationRecord,
    EventRecord,
    IndividualRecord,
    KeyScope,
    LeaderboardRecord,
    NodeRecord,
    Origin,
    Page,
    SearchRecord,
    TrialRecord,
)
from backprop_evo.records.training import TrainResult, TrainSpec
from backprop_evo.search.lifecycle import EVALUATION_VERBS, legal_verbs
from dsl.known import KnownEquation
from dsl.printing import to_latex, to_text

T = TypeVar("T")


class Wire(BaseModel):
    """Built from records by attribute; numbers that are not finite become null."""

    model_config = ConfigDict(from_attributes=True, ser_json_inf_nan="null")


class PageOut(Wire, Generic[T]):
    """One page; pass ``next_cursor`` on as ``cursor`` for the next one. It is null on the last page."""

    items: list[T]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[Any]) -> PageOut[T]:
        return cls.model_validate({"items": page.items, "next_cursor": page.next_cursor})


class SearchOut(Wire):
    """A search; ``verbs`` are those its state allows, ``version`` is its ETag."""

    id: str
    state: SearchState
    version: int
    verbs: list[str]
    trials_done: int
    trials_total: int
    best_fitness: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    failure: str | None
    spec: SearchSpec

    @classmethod
    def of(cls, search: SearchRecord) -> SearchOut:
        known = {name: getattr(search, name) for name in cls.model_fields if name != "verbs"}
        return cls(verbs=[verb.name for verb in legal_verbs(search.state)], **known)


class EvaluationOut(Wire):
    """An evaluation; ``seeds`` counts those that were added in ``extensions``."""

    id: str
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
    failure: str | None
    spec: EvaluationSpec

    @classmethod
    def of(cls, evaluation: EvaluationRecord) -> EvaluationOut:
        known = {name: getattr(evaluation, name) for name in cls.model_fields if name != "verbs"}
        verbs = [verb.name for verb in legal_verbs(evaluation.state, EVALUATION_VERBS)]
        return cls(verbs=verbs, **known)


class MethodOut(Wire):
    """What a child is trained by: a method's name and settings, and how people read it."""

    name: str
    settings: Mapping[str, Any]
    text: str

    @classmethod
    def of(cls, method: MethodSpec) -> MethodOut:
        return cls(name=method.name, settings=method.settings, text=method_text(method))


class TrialOut(Wire):
    """A trial as it stands in lists: no curve."""

    id: str
    search_id: str
    individual: int
    method: MethodOut
    equation: str | None
    fingerprint: str
    purpose: Purpose
    seed: int
    state: TrialState
    fence: int
    worker: str | None
    created_at: datetime
    queued_at: datetime
    not_before: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    finish_order: int | None
    progress: Mapping[str, float] | None
    validation_accuracy: float | None
    test_accuracy: float | None
    learning_rate: float | None
    wall_time_s: float | None
    reason: str | None

    @classmethod
    def of(cls, trial: TrialRecord) -> TrialOut:
        return cls(**_trial_fields(trial))


def _trial_fields(trial: TrialRecord) -> dict[str, Any]:
    of_result = ("validation_accuracy", "test_accuracy", "learning_rate", "wall_time_s", "reason")
    plain = [name for name in TrialOut.model_fields if name not in (*of_result, "method", "equation")]
    return {
        **{name: getattr(trial, name) for name in plain},
        **{name: getattr(trial.result, name, None) for name in of_result},
        **_method_fields(trial.method),
    }


def _method_fields(method: MethodSpec) -> dict[str, Any]:
    """``equation`` is the text of an equation, null for any other method."""
    return {"method": MethodOut.of(method), "equation": method.equation}


class AttemptOut(Wire):
    """One try at a trial by one worker; ``outcome`` is null while it runs."""

    fence: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


class TrialDetailOut(TrialOut):
    """A trial with its train spec, its result (curve, probes, alignment, environment) and its attempts."""

    spec: TrainSpec
    result: TrainResult | None
    attempts: list[AttemptOut]

    @classmethod
    def of_all(cls, trial: TrialRecord, attempts: list[AttemptRecord]) -> TrialDetailOut:
        tries = [AttemptOut.model_validate(each) for each in attempts]
        return cls(spec=trial.spec, result=trial.result, attempts=tries, **_trial_fields(trial))


class IndividualOut(Wire):
    """One proposal and where it came from; ``twin`` is the earlier individual that behaves the same."""

    search_id: str
    number: int
    origin: Origin
    method: MethodOut
    equation: str | None
    canonical: str | None
    fingerprint: str
    parent: int | None
    twin: int | None
    mutation: str | None
    finishes_known: int
    created_at: datetime

    @classmethod
    def of(cls, individual: IndividualRecord) -> IndividualOut:
        known = {n: getattr(individual, n) for n in cls.model_fields if n not in ("method", "equation")}
        return cls(**_method_fields(individual.method), **known)


class AccuraciesOut(Wire):
    """Mean, sample standard deviation (null for n = 1) and number of runs."""

    mean: float
    std: float | None
    n: int


class LeaderboardRowOut(Wire):
    """One behaviour on the leaderboard; ``test`` is there only after a confirmation."""

    rank: int | None
    search_id: str
    individual: int
    method: MethodOut
    equation: str | None
    latex: str | None
    fingerprint: str
    is_baseline: bool
    is_yardstick: bool
    confirmed: bool
    validation: AccuraciesOut
    search_fitness: float | None
    test: AccuraciesOut | None
    train_time_s: float
    learning_rate: float | None

    @classmethod
    def of(cls, row: LeaderboardRecord) -> LeaderboardRowOut:
        made = ("latex", "method", "equation")
        known = {name: getattr(row, name) for name in cls.model_fields if name not in made}
        return cls(latex=latex(row.method), **_method_fields(row.method), **known)


class EquationIn(BaseModel):
    """An equation as a person writes it, for example ``min(g / fro(g), clip(h, 1.0))``."""

    model_config = ConfigDict(extra="forbid")
    equation: str = Field(examples=["g / fro(g)"])


class EquationOut(Wire):
    """An equation read, printed and measured. ``infeasible`` says why its shapes cannot match, else null."""

    text: str
    tree: Mapping[str, Any] = Field(validation_alias="json", serialization_alias="json")
    latex: str
    mathml: str
    canonical: str | None
    fingerprint: str | None
    operations: int
    infeasible: str | None
    facts: Mapping[str, Any]


class KnownEquationOut(Wire):
    """A named equation of the literature."""

    name: str
    text: str
    latex: str
    source: str

    @classmethod
    def of(cls, known: KnownEquation) -> KnownEquationOut:
        text, latex = to_text(known.equation), to_latex(known.equation)
        return cls(name=known.key, text=text, latex=latex, source=known.source)


class EquationHistoryOut(PageOut[TrialOut]):
    """All trials of one behaviour, over all searches, newest first."""

    fingerprint: str


class NodeOut(Wire):
    """A machine that runs workers, as of its last heartbeat."""

    name: str
    slots: int
    busy: int
    devices: list[str]
    code_version: str
    started_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, node: NodeRecord) -> NodeOut:
        return cls.model_validate(node)


class KnownEquationsOut(Wire):
    """Every named equation of the language."""

    items: list[KnownEquationOut]


class NodesOut(Wire):
    """The nodes alive now."""

    items: list[NodeOut]


class EventOut(Wire):
    """One thing that happened; ``id`` grows."""

    id: int
    search_id: str | None
    kind: str
    at: datetime
    payload: Mapping[str, Any]

    @classmethod
    def of(cls, event: EventRecord) -> EventOut:
        return cls.model_validate(event)


class KeyIn(BaseModel):
    """Whom or what a key is for, and what it opens."""

    model_config = ConfigDict(extra="forbid")
    label: str = Field(min_length=1, max_length=200)
    scope: KeyScope = KeyScope.SUBMIT


class KeyOut(Wire):
    """A key without its secret."""

    id: str
    label: str
    scope: KeyScope
    created_at: datetime
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    """A key with its text, this once."""

    key: str


class KeysOut(Wire):
    """All keys."""

    items: list[KeyOut]


class DatasetOut(Wire):
    """A data set of the catalogue; ``shape`` is (C, H, W)."""

    name: str
    title: str
    shape: tuple[int, int, int]
    classes: int
    class_names: list[str]
    train_images: int
    validation_images: int
    test_images: int
    bundled: bool


class DatasetsOut(Wire):
    """The catalogue."""

    items: list[DatasetOut]


class VersionOut(Wire):
    """What runs here."""

    name: str
    version: str
    python: str


class HealthOut(Wire):
    """``ok``, or what is missing."""

    status: str
