"""How many there are: of everything stored, and of the slots that a search has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backprop_evo.records.nodes import NOT_BEGUN
from backprop_evo.records.states import SearchState, TrialState

FAILURES = (
    TrialState.LOST,
    TrialState.FAILED,
    NOT_BEGUN,
    TrialState.OOM,
    TrialState.TIMEOUT,
    TrialState.DIVERGED,
)
"""How an attempt ends without a usable result."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a search has of the slots: ``training`` trials of its are leased, by ``priority`` it should have
    so many beside others, and only nodes with all ``labels`` take them."""

    search_id: str
    priority: int
    training: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many there are of everything stored, for monitoring; states that nothing is in are left out."""

    searches: Mapping[SearchState, int]
    evaluations: Mapping[SearchState, int]
    trials: Mapping[TrialState, int]
