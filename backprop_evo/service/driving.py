"""One step of a search or of an evaluation: read what finished, ask the brain or the plan, store what it
decided.

A crash anywhere loses nothing and doubles nothing: decisions are stored in one transaction, before anybody is
told of them, under ids that are derived from what was decided; and what a controller knows it reads from
rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from backprop_evo.errors import Conflict, InvalidInput
from backprop_evo.evaluation.planning import Plan
from backprop_evo.evaluation.stages import next_step
from backprop_evo.evaluation.table import table_of
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import EvaluationRecord, FinishRecord, SearchRecord
from backprop_evo.search.brain import Brain
from backprop_evo.search.budget import LEAST_IN_FLIGHT
from backprop_evo.search.decisions import Decisions
from backprop_evo.search.replay import rebuild
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service.keeping_time import keep_time, resized, sized, stop_in_time, with_reason_of_stop
from backprop_evo.store.base import Store
from backprop_evo.store.driven_base import Driven

MAX_FINISHES_AT_ONCE = 2000
"""A step takes milliseconds, however many trials ended since the last."""


class Progress(Protocol):
    """What a controller knows of what it drives, and what it decides by that: a brain, or a plan."""

    finishes_known: int
    retries_known: int
    in_flight: int
    spec: Any

    def observe(self, finish: FinishRecord) -> None:
        """Take in one finished trial; they come in finish order."""

    def reopen(self, trial_ids: Iterable[str]) -> None:
        """Trials that ended, and that somebody asked for again."""

    def decide(self, state: SearchState, trials: int, *, now: datetime) -> Decisions:
        """Fill the free slots. ``trials`` is the present budget."""


def load_progress(store: Store, driven: SearchRecord | EvaluationRecord) -> Progress:
    """What a controller knows, from rows.

    Open trials are read first: one that finishes meanwhile is then among the finishes, never in neither.
    """
    still_open = store.trials.open(driven.id)
    individuals = store.individuals.of(driven.id)
    finishes = store.trials.finishes(driven.id)
    if isinstance(driven, EvaluationRecord):
        known = [each.id for each in still_open] + [each.trial_id for each in finishes]
        plan = Plan(driven.id, driven.spec, methods=len(individuals), known=known)
        for finish in finishes:
            plan.observe(finish)
        return plan
    return rebuild(driven.id, driven.spec, SearchLanguage(driven.spec), individuals, finishes)


def read_again(store: Store, driven: SearchRecord | EvaluationRecord) -> SearchRecord | EvaluationRecord:
    """The record as it stands now. Raises ``NotFound``."""
    if isinstance(driven, EvaluationRecord):
        return store.evaluations.get(driven.id)
    return store.searches.get(driven.id)


def drive_once(
    store: Store,
    search: SearchRecord | EvaluationRecord,
    controller: str,
    progress: Progress | None,
    *,
    now: datetime,
    automatic: int = LEAST_IN_FLIGHT,
    slots: int = 1,
) -> tuple[Progress, Decisions]:
    """Take a search or an evaluation one step further; the caller sends the ids of ``decisions.trials`` to
    the workers.

    ``automatic`` trials are in flight where the spec leaves it open; it may change from step to step, as what
    a proposer knew is recorded with each proposal. ``slots`` live now: by them a search with a budget keeps
    to it. ``progress`` is what the step before returned; None rebuilds it from rows, as it must be after any
    exception. Raises ``Conflict`` when the claim was lost or
    the state changed in the middle: renew the claim, and go on with None if it is still held;
    ``InvalidInput`` when the search cannot be carried out, after marking it FAILED.
    """
    # Read anew: the caller's may be as old as its last step.
    search = read_again(store, search)
    try:
        # A search that went on may have added methods to its evaluation.
        if progress is None or progress.spec != search.spec:
            progress = load_progress(store, search)
        progress.in_flight = search.spec.in_flight or automatic
        # What comes after a long absence takes several steps, between which other searches have theirs.
        if not _hear(store, search, progress):
            return progress, Decisions(more=True)
        _hear_people(store, search, progress)
        if isinstance(search, SearchRecord) and isinstance(progress, Brain):
            search = keep_time(store, search, progress, controller, slots, now=now)
            search = stop_in_time(store, search, progress, controller, now=now)
            if search.keeps_time:
                # What was sent is trained: more than keeps the pool busy would outlive the time.
                progress.in_flight = min(progress.in_flight, automatic)
        decisions = progress.decide(search.state, search.trials_total, now=now)
    except InvalidInput as error:  # stored by a version whose language was another: it will never succeed
        give_up(store, search, error.message, now=now)
        raise
    # In this order: a crash between the two leaves a search that is driven once more and then ends.
    if not decisions.is_empty:
        store.individuals.record(search.id, controller, decisions.individuals, decisions.trials, now=now)
    if isinstance(search, SearchRecord) and decisions.end is not None:
        decisions = with_reason_of_stop(search, decisions, now)
        ended = progress.finishes_known
        decisions = _through_the_funnel(store, search, controller, decisions, ended, slots, now)
    if decisions.end is not None:
        _end(store, search, decisions.end, decisions.reason, now)
    return progress, decisions


def give_up(store: Store, search: SearchRecord | EvaluationRecord, reason: str, *, now: datetime) -> None:
    """Mark it FAILED. Raises ``Conflict`` where it has ended."""
    _move(store, search, SearchState.FAILED, reason, now)


def _hear(store: Store, search: SearchRecord | EvaluationRecord, progress: Progress) -> bool:
    """Take in what has ended; False where that is not all."""
    finishes = store.trials.finishes(search.id, after=progress.finishes_known, limit=MAX_FINISHES_AT_ONCE)
    for finish in finishes:
        progress.observe(finish)
    return len(finishes) < MAX_FINISHES_AT_ONCE


def _hear_people(store: Store, driven: SearchRecord | EvaluationRecord, progress: Progress) -> None:
    """Take in what people asked for since: trials tried again, equations put in."""
    if driven.retries != progress.retries_known:
        progress.reopen(store.retries.out_again(driven.id, heard=progress.finishes_known))
        progress.retries_known = driven.retries
    if isinstance(driven, SearchRecord) and isinstance(progress, Brain):
        known = progress.injections_known
        if driven.injections > known:
            progress.inject(each.equation for each in store.injections.of(driven.id, after=known))


def _through_the_funnel(
    store: Store,
    search: SearchRecord,
    controller: str,
    decisions: Decisions,
    ended: int,
    slots: int,
    now: datetime,
) -> Decisions:
    """The end of a search comes after that of the stages that it orders."""
    stages = store.evaluations.stages_of(search.id)
    step = next_step(
        search.spec,
        decisions.finalists,
        stages,
        lambda stage: table_of(stage, store.evaluations.outcomes(stage.id)),
        partial(sized, store, search, ended, slots) if search.keeps_time else None,
    )
    order = step.order
    if step.open is not None and search.keeps_time:
        order = resized(store, search, ended, slots, step.open, stages[step.open.role])
    if order is not None:
        stage, wanted = order
        store.evaluations.order(
            search.id, controller, stage.role, wanted, now=now, expected_version=search.version
        )
    if step.order is not None or step.open is not None:
        return replace(decisions, end=None, reason=None)
    reasons = [each for each in (decisions.reason, step.reason) if each]
    return replace(decisions, reason="; ".join(reasons) or None)


def _end(
    store: Store,
    search: SearchRecord | EvaluationRecord,
    end: SearchState,
    reason: str | None,
    now: datetime,
) -> None:
    """Move to the last state, unless somebody paused, extended or cancelled it since it was read. What came
    to no result at all has failed."""
    if end is SearchState.COMPLETED and (failure := store.trials.common_failure(search.id)) is not None:
        end, reason = SearchState.FAILED, failure
    with suppress(Conflict):
        _move(store, search, end, reason, now, expected_version=search.version)


def _move(
    store: Store,
    search: SearchRecord | EvaluationRecord,
    to: SearchState,
    reason: str | None,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    noun: Driven[Any] = store.evaluations if isinstance(search, EvaluationRecord) else store.searches
    noun.move(search.id, to, now=now, expected_version=expected_version, reason=reason)
