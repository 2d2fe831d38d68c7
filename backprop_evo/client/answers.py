"""What the service answers, as immutable values. Accuracies in [0, 1], times in seconds, moments in UTC.

The records' own types stand here wherever the service says just what they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Accuracies, Origin, Role
from backprop_evo.records.training import TrainSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a child is trained by: a method's name and settings, and how people read it."""

    name: str
    settings: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What results may be compared with: ``id`` is equal for those, ``description`` is for people."""

    id: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """An equation that somebody put into a search: its ``individual`` once it has its place, and in
    ``outcome``, in words, what became of it or will."""

    place: int
    equation: str
    fingerprint: str
    individual: int | None
    twin: int | None
    screened_out: str | None
    state: TrialState | None
    outcome: str
    injected_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenAnswer:
    """What searches and evaluations have in common, at one moment. ``verbs`` are those that its state allows,
    ``version`` grows by every transition; ``warnings`` are in the answer to its submission."""

    id: str
    state: SearchState
    version: int
    verbs: tuple[str, ...]
    trials_done: int
    trials_total: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    stranded: str | None
    failure: str | None
    owner: str | None
    retries: int
    priority: int
    tags: tuple[str, ...]
    note: str
    archived: bool
    warnings: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Completed, stopped, cancelled or failed."""
        return self.state.is_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(DrivenAnswer):
    """A search at one moment. ``notice`` is what to know of it while it runs, and ``injected`` in the answer
    to ``inject``. ``time_left_s`` is None where time does not decide when it ends."""

    screened_out: int
    best_fitness: float | None
    spent_s: float
    time_left_s: float | None
    counterpart: str | None
    notice: str | None
    setting: Setting
    spec: SearchSpec
    injections: int
    injected: tuple[Injection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation(DrivenAnswer):
    """An evaluation at one moment. One with a ``search_id`` belongs to that search, in a ``role``."""

    search_id: str | None
    role: Role | None
    seeds: int
    extensions: int
    spec: EvaluationSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOfSearch:
    """A stage of a search's funnel; without an ``evaluation`` it is still to come. Of the ``equations`` that
    entered, ``through`` completed all trainings."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Individual:
    """One proposal of a search and where it came from; ``twin`` is the earlier individual that behaves the
    same, ``screened_out`` says why it is not trained."""

    search_id: str
    number: int
    origin: Origin
    method: Method
    equation: str | None
    canonical: str | None
    fingerprint: str
    parent: int | None
    twin: int | None
    mutation: str | None
    finishes_known: int
    screened_out: str | None
    inherited_step: float | None
    remeasures: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardRow:
    """One behaviour on the leaderboard, ranked among those of its setting. ``difference`` is to plain
    backprop, with its 95 % interval ``low`` to ``high``, and ``verdict`` says it in words."""

    rank: int | None
    setting_id: str
    search_id: str
    individual: int | None
    method: Method
    equation: str | None
    latex: str | None
    fingerprint: str
    is_baseline: bool
    is_yardstick: bool
    is_control: bool
    confirmed: bool
    validation: Accuracies
    search_fitness: Accuracies | None
    test: Accuracies | None
    train_time_s: float
    learning_rate: float | None
    starred: bool
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingResults:
    """A setting with ``results`` on the leaderboard, the ``best`` of them, and plain backprop's validation
    accuracy there, None until a search has confirmed it."""

    id: str
    description: str
    train: TrainSpec
    results: int
    best: LeaderboardRow
    baseline: Accuracies | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquationMarks:
    """What people noted of one behaviour."""

    fingerprint: str
    starred: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """An equation read, printed and measured. ``infeasible`` says why its shapes cannot match, else None."""

    text: str
    json: Mapping[str, Any]
    latex: str
    mathml: str
    canonical: str | None
    fingerprint: str | None
    operations: int
    infeasible: str | None
    facts: Mapping[str, Any]

    def _repr_latex_(self) -> str:
        """A notebook shows it as mathematics."""
        return f"${self.latex}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEquation:
    """A named equation of the literature."""

    name: str
    text: str
    latex: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set of the catalogue; ``shape`` is (C, H, W)."""

    name: str
    title: str
    shape: tuple[int, int, int]
    classes: int
    class_names: tuple[str, ...]
    train_images: int
    validation_images: int
    test_images: int
    bundled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What runs there."""

    name: str
    version: str
    python: str
