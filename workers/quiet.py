"""Which of what a controller holds has news: one look at all of it, instead of several at each.

A search decides by what has ended, by what people changed and by how many trials are to be in flight. Where
none of that moved since its last step it would decide nothing, and is left alone for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backprop_evo.records.stored import EvaluationRecord, SearchRecord
from backprop_evo.search.decisions import Decisions
from backprop_evo.store.base import Store

Mark = tuple[int, int]
"""Version and last finish order, as stored."""

#: Without news it is driven after so long all the same, some of them at each step: its claim has to be
#: renewed, and whatever else may have moved is then heard of.
LOOK_S = 5.0
LOOKS_AT_ONCE = 32

#: A part of the lease after which the claim is renewed, however many there are.
LATEST = 1 / 3


@dataclass(frozen=True, slots=True)
class Look:
    """The last step of a search: when, at which mark, for how many trials in flight. ``is_idle``: it would
    decide the same again."""

    at: datetime
    mark: Mark
    in_flight: int
    is_idle: bool


def is_idle(driven: SearchRecord | EvaluationRecord, decisions: Decisions) -> bool:
    """Whether nothing but news can lead to another decision. Time does where it has a budget, and the end of
    a stage where it goes through its funnel."""
    if isinstance(driven, SearchRecord) and driven.keeps_time:
        return False
    has_decided = not decisions.is_empty or decisions.more
    return not has_decided and not decisions.finalists and decisions.end is None


def marks_of(store: Store, held: Sequence[SearchRecord | EvaluationRecord]) -> dict[str, Mark]:
    """Of those that are still there, of either kind."""
    searches = [each.id for each in held if isinstance(each, SearchRecord)]
    evaluations = [each.id for each in held if isinstance(each, EvaluationRecord)]
    return {**store.searches.marks(searches), **store.evaluations.marks(evaluations)}


def with_news(
    looks: dict[str, Look | None], marks: dict[str, Mark], in_flight: int, *, now: datetime, lease_s: float
) -> set[str]:
    """Which are to be driven now: those with news, and some of those that were left alone longest."""
    quiet = {
        search_id: look.at
        for search_id, look in looks.items()
        if look is not None
        and look.is_idle
        and (look.mark, look.in_flight) == (marks.get(search_id), in_flight)
    }
    pause = timedelta(seconds=min(LOOK_S, lease_s * LATEST))
    latest = timedelta(seconds=lease_s * LATEST)
    tired = sorted((at, search_id) for search_id, at in quiet.items() if now - at >= pause)
    again = {search_id for _, search_id in tired[:LOOKS_AT_ONCE]}
    again |= {search_id for at, search_id in tired if now - at >= latest}
    return (set(looks) - set(quiet)) | again
