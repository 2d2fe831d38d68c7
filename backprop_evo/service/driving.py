"""One step of a search: read what finished, ask the brain, store what it decided.

A crash anywhere loses nothing and doubles nothing: decisions are stored in one transaction, before anybody is
told of them, under ids that are derived from what was decided; and what a controller knows it reads from
rows.
"""

from __future__ import annotations

from datetime import datetime

from backprop_evo.errors import Conflict, InvalidInput
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.brain import Brain, Decisions
from backprop_evo.search.replay import rebuild
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.store.base import Store


def load_progress(store: Store, search: SearchRecord) -> Brain:
    """What a controller of this search knows, from its rows.

    Open trials are read first: one that finishes meanwhile is then among the finishes, never in neither.
    """
    confirmations = [
        trial.id for trial in store.trials.open(search.id) if trial.purpose is Purpose.CONFIRMATION
    ]
    individuals = store.individuals.of(search.id)
    finishes = store.trials.finishes(search.id)
    language = SearchLanguage(search.spec)
    return rebuild(search.id, search.spec, language, individuals, finishes, confirmations)


def drive_once(
    store: Store, search: SearchRecord, controller: str, progress: Brain | None, *, now: datetime
) -> tuple[Brain, Decisions]:
    """Take the search one step further; the caller sends the ids of ``decisions.trials`` to the workers.

    ``progress`` is what the step before returned; None rebuilds it from rows, as it must be after any
    exception. Raises ``Conflict`` when the claim was lost or the state changed in the middle: renew the
    claim, and go on with None if it is still held; ``InvalidInput`` when the search cannot be carried out,
    after marking it FAILED.
    """
    # Read anew: the caller's may be as old as its last step.
    search = store.searches.get(search.id)
    try:
        progress = progress or load_progress(store, search)
        decisions = _decide(store, search, progress, now)
    except InvalidInput as error:  # stored by a version whose language was another: it will never succeed
        store.searches.move(search.id, SearchState.FAILED, now=now, reason=error.message)
        raise
    # In this order: a crash between the two leaves a search that is driven once more and then ends.
    if not decisions.is_empty:
        store.individuals.record(search.id, controller, decisions.individuals, decisions.trials, now=now)
    if decisions.end is not None:
        _end(store, search, decisions.end, decisions.reason, now)
    return progress, decisions


def _decide(store: Store, search: SearchRecord, progress: Brain, now: datetime) -> Decisions:
    for finish in store.trials.finishes(search.id, after=progress.finishes_known):
        progress.observe(finish)
    return progress.decide(search.state, search.trials_total, now=now)


def _end(store: Store, search: SearchRecord, end: SearchState, reason: str | None, now: datetime) -> None:
    """Move to the last state, unless somebody paused, extended or cancelled the search since it was read."""
    try:
        store.searches.move(search.id, end, now=now, expected_version=search.version, reason=reason)
    except Conflict:
        return
