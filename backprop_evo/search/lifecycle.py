"""The states of a search and what leads from one to another, as one table."""

from __future__ import annotations

from backprop_evo.records.states import SearchState

Q, R, P, S = SearchState.QUEUED, SearchState.RUNNING, SearchState.PAUSED, SearchState.STOPPING
COMPLETED, STOPPED = SearchState.COMPLETED, SearchState.STOPPED
CANCELLED, FAILED = SearchState.CANCELLED, SearchState.FAILED

TRANSITIONS: dict[SearchState, frozenset[SearchState]] = {
    Q: frozenset({R, P, S, CANCELLED, FAILED}),
    R: frozenset({P, S, COMPLETED, CANCELLED, FAILED}),
    P: frozenset({R, S, CANCELLED, FAILED}),
    S: frozenset({STOPPED, CANCELLED, FAILED}),
    COMPLETED: frozenset({R}),
    STOPPED: frozenset({R}),
    CANCELLED: frozenset(),
    FAILED: frozenset(),
}
"""From each state, the states one transition leads to. Only ``extend`` leads back from an ended search."""

VERBS: dict[SearchState, tuple[str, ...]] = {
    Q: ("pause", "stop", "cancel", "extend", "clone"),
    R: ("pause", "stop", "cancel", "extend", "clone"),
    P: ("resume", "stop", "cancel", "extend", "clone"),
    S: ("cancel", "clone"),
    COMPLETED: ("extend", "clone"),
    STOPPED: ("extend", "clone"),
    CANCELLED: ("clone",),
    FAILED: ("clone",),
}
"""What a person may ask of a search in each state."""

DRIVEN = (Q, R, S)
"""States in which a controller has something to decide."""

TRAINING = (R, S)
"""States in which workers may begin trials: a stopping search still finishes what it sent out."""
