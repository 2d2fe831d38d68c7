"""The store's contract for what people change: trials tried again, equations put in, what is noted of one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from backprop_evo.records.steering import (
    EquationChanges,
    EquationMarks,
    Injection,
    InjectionRecord,
    RetryRecord,
)
from backprop_evo.records.stored import SearchRecord, TrialRecord


class Retries(Protocol):
    """Ends of trials that were not left at that. The finish that the brain heard keeps its place in the
    finish order; the trial itself waits for a worker again, and its next end has a place of its own."""

    def add(self, trial_id: str, *, now: datetime) -> TrialRecord:
        """Try a trial again that ended by a fault or at a limit. A completed or failed search or evaluation
        runs again, a stopped one until that trial has ended. Repeating it before the trial has ended changes
        nothing. Raises ``NotFound``, ``Conflict`` for a trial that did not end so, ``IllegalTransition``
        where the search is cancelled, stopping, or failed with trials open."""

    def of(self, trial_id: str) -> Sequence[RetryRecord]:
        """Those of a trial, oldest first."""

    def out_again(self, search_id: str, *, heard: int) -> Collection[str]:
        """Ids of retried trials that have no end as far as somebody knows who has heard the finishes up to
        ``heard``."""


class Injections(Protocol):
    """Equations that somebody put into a search, in the order in which they came."""

    def add(
        self,
        search_id: str,
        equations: Sequence[Injection],
        *,
        now: datetime,
        expected_version: int | None = None,
    ) -> SearchRecord:
        """Let them wait for the controller. Raises ``NotFound``, ``IllegalTransition``, ``Conflict`` where
        the budget has no room for them or too many wait, ``PreconditionFailed``."""

    def of(self, search_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[InjectionRecord]:
        """Those of a search from place ``after + 1`` on, with what became of each."""


class Equations(Protocol):
    """What people noted of behaviours, whichever search trained them; no decision depends on it."""

    def marks(self, fingerprint: str) -> EquationMarks:
        """As they stand; none of a behaviour that nobody marked."""

    def mark(self, fingerprint: str, changes: EquationChanges, *, now: datetime) -> EquationMarks:
        """Change what ``changes`` names. Raises ``NotFound`` where nothing was trained of it."""
