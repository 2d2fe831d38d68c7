"""The store's contract for what controllers drive: searches and evaluations, and what they share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import Changes
from backprop_evo.records.stored import EvaluationRecord, OutcomeRecord, Page, Role, SearchRecord
from backprop_evo.search.lifecycle import Verb

R = TypeVar("R", SearchRecord, EvaluationRecord)


class Driven(Protocol[R]):
    """What controllers drive, of one kind: its states, and the claim by which one controller drives one of
    them. A noun finds nothing of another kind."""

    def get(self, search_id: str, *, expected_version: int | None = None) -> R:
        """Raises ``NotFound``, ``PreconditionFailed`` for a version that moved on."""

    def page(
        self,
        *,
        state: SearchState | None = None,
        archived: bool = False,
        tag: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[R]:
        """Newest first, by keyset; with those that are archived only where so asked. Raises ``InvalidInput``
        for a cursor that is not ours."""

    def mark(
        self, search_id: str, changes: Changes, *, now: datetime, expected_version: int | None = None
    ) -> R:
        """Change what no decision depends on, or the number of trials of one that runs. Raises ``NotFound``,
        ``Conflict`` where the state does not allow it, ``PreconditionFailed``."""

    def delete(self, search_id: str, *, now: datetime, expected_version: int | None = None) -> None:
        """Delete one that has ended, with its evaluations, their trials, results and events; its counterpart
        stays. Raises ``NotFound``, ``Conflict`` where it, or what belongs to it, has not ended,
        ``PreconditionFailed``."""

    def move(
        self,
        search_id: str,
        to: SearchState,
        *,
        now: datetime,
        expected_version: int | None = None,
        reason: str | None = None,
        stranded: str | None = None,
    ) -> R:
        """Carry out one transition; repeating the one just made is a no-op. CANCELLED and FAILED also cancel
        every trial that is not terminal. ``stranded`` is said where the service pauses, so that it may take
        the pause back. Raises ``NotFound``, ``IllegalTransition`` (with the legal verbs),
        ``PreconditionFailed`` for a version that moved on."""

    def stranded(self) -> Sequence[R]:
        """Those that the service paused, oldest first; nobody else has paused them since."""

    def apply_verb(
        self, verb: Verb, search_id: str, *, now: datetime, expected_version: int | None = None
    ) -> R:
        """The transition that a verb asks for, where the verb is legal: fewer states than ``move`` allows,
        because a person cannot do what a claim does. To pause what is stranded makes the pause somebody's.
        Raises as ``move`` does."""

    def claim(self, controller: str, *, lease_s: float, now: datetime) -> R | None:
        """Give the controller a live one nobody drives (QUEUED becomes RUNNING), oldest first; None when
        there is none."""

    def renew_claim(self, search_id: str, controller: str, *, lease_s: float, now: datetime) -> bool:
        """False when the claim was lost to another controller, which must then stop deciding."""

    def marks(self, search_ids: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """Version and last finish order of those that there are: where neither moved, nothing ended and
        nobody changed anything."""

    def release_claim(self, search_id: str, controller: str) -> None:
        """Hand it back, so that the next controller need not wait for the lease to run out."""


class Searches(Driven[SearchRecord], Protocol):
    """Searches."""

    def add(self, spec: SearchSpec, *, now: datetime, counterpart: SearchSpec | None = None) -> SearchRecord:
        """Store a search as QUEUED, perhaps with its counterpart."""

    def order_counterpart(
        self, search_id: str, spec: SearchSpec, *, now: datetime, expected_version: int | None = None
    ) -> SearchRecord:
        """Store the counterpart of a search as QUEUED and link the two; the one that there is, where it was
        ordered before. Raises ``NotFound``, ``IllegalTransition`` where the search ended for good,
        ``PreconditionFailed``."""

    def ends(self, search_id: str) -> Sequence[EndRecord]:
        """How the trainings of a search ended and what they took, in finish order; their curves are not
        read."""

    def extend(
        self, search_id: str, *, trials: int, now: datetime, expected_version: int | None = None
    ) -> SearchRecord:
        """Raise the number of trials by ``trials``; a completed or stopped search runs again. Raises
        ``NotFound``, ``IllegalTransition``, ``InvalidSettings``, ``PreconditionFailed``."""

    def meter(
        self, search_id: str, controller: str, *, slots: int, now: datetime, most_s: float
    ) -> SearchRecord:
        """Count the time since the last look as used, ``most_s`` at most, where it runs and ``slots`` live;
        its version stays. Raises ``Conflict`` when the claim was lost."""

    def shorten(self, search_id: str, controller: str, *, trials: int, now: datetime) -> SearchRecord:
        """Lower the number of trials to ``trials``, because the time for them is used; one that was paused,
        ended or extended meanwhile stays as it is. Raises ``Conflict`` when the claim was lost."""


class Evaluations(Driven[EvaluationRecord], Protocol):
    """Evaluations."""

    def add(
        self,
        spec: EvaluationSpec,
        *,
        now: datetime,
        search_id: str | None = None,
        role: Role | None = None,
    ) -> EvaluationRecord:
        """Store an evaluation as QUEUED, perhaps as one that belongs to a search."""

    def extend(
        self, search_id: str, *, seeds: int, now: datetime, expected_version: int | None = None
    ) -> EvaluationRecord:
        """Add seeds, and count the addition; a completed or stopped evaluation runs again. Raises as that of
        searches does."""

    def of_search(self, search_id: str) -> Sequence[EvaluationRecord]:
        """Those that belong to a search, newest first."""

    def stages_of(self, search_id: str) -> Mapping[Role, EvaluationRecord]:
        """The stages of its funnel that the search has ordered so far."""

    def order(
        self,
        search_id: str,
        controller: str,
        role: Role,
        spec: EvaluationSpec,
        *,
        now: datetime,
        expected_version: int | None = None,
    ) -> EvaluationRecord:
        """Store a stage of a running search, or give the one that it has the methods that ``spec`` has
        beyond its own, which are then trained, and as many seeds as ``spec`` has while it is open;
        ordering the same again changes nothing. Raises
        ``Conflict`` when the claim was lost or the search is not running, ``PreconditionFailed``."""

    def outcomes(self, evaluation_id: str) -> Sequence[OutcomeRecord]:
        """What a table needs of its terminal trials, in finish order: their curves are not read."""
