"""The states of searches and of trials, each in one row: its name, whether it is an end, and its tone.

A trial's terminal state is how its training ended: there is no second list of outcomes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Tone(StrEnum):
    """How a state is shown: as waiting, moving, done, an ending without a fitness, or a fault."""

    IDLE = "idle"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class State(StrEnum):
    """A word with its row. Comparable to and stored as plain text."""

    is_terminal: bool
    tone: Tone

    def __new__(cls, word: str, tone: Tone = Tone.IDLE, is_terminal: bool = False) -> Self:
        """Reads the row of an enumeration: the word is the value, the rest are attributes of it."""
        state = str.__new__(cls, word)
        state._value_ = word
        state.tone = tone
        state.is_terminal = is_terminal
        return state


class SearchState(State):
    """queued → running ⇄ paused → stopping → completed | stopped | cancelled | failed."""

    QUEUED = "queued", Tone.IDLE
    RUNNING = "running", Tone.BUSY
    PAUSED = "paused", Tone.WARN
    STOPPING = "stopping", Tone.WARN
    COMPLETED = "completed", Tone.GOOD, True
    STOPPED = "stopped", Tone.IDLE, True
    CANCELLED = "cancelled", Tone.IDLE, True
    FAILED = "failed", Tone.BAD, True


class TrialState(State):
    """queued → leased → running → one of the terminal states. A lost lease leads back to queued.

    ``pruned`` (by a guard or a pruner) and ``diverged`` are results, not faults; ``screened`` ended before
    its first step, and is no training that a budget counts; ``lost`` is a trial whose workers vanished too
    often.
    """

    QUEUED = "queued", Tone.IDLE
    LEASED = "leased", Tone.BUSY
    RUNNING = "running", Tone.BUSY
    COMPLETED = "completed", Tone.GOOD, True
    SCREENED = "screened", Tone.WARN, True
    PRUNED = "pruned", Tone.WARN, True
    DIVERGED = "diverged", Tone.WARN, True
    OOM = "oom", Tone.BAD, True
    TIMEOUT = "timeout", Tone.WARN, True
    FAILED = "failed", Tone.BAD, True
    LOST = "lost", Tone.BAD, True
    CANCELLED = "cancelled", Tone.IDLE, True


TURN_KINDS = tuple(f"{noun}.{state}" for noun in ("search", "evaluation") for state in SearchState)
"""The events of a search or an evaluation that enters another state."""

EVENT_KINDS = (
    *TURN_KINDS,
    *(f"trial.{state}" for state in TrialState),
    "search.extended",
    "search.shortened",
    "search.narrowing",
    "search.confirming",
    "search.transferring",
    "search.challenged",
    "search.injected",
    *(f"{noun}.{done}" for noun in ("search", "evaluation") for done in ("changed", "deleted")),
    "evaluation.extended",
    "individuals.proposed",
)
"""Every kind of event: each state that a search, an evaluation or a trial can enter, and those that are no
change of state. ``search.shortened`` says that the search's share of its budget is used, and how many trials
it has for that reason. ``search.narrowing``, ``search.confirming`` and ``search.transferring`` are told of a
search when that stage of its funnel is ordered, and whenever a training of it has ended;
``search.challenged`` when its counterpart is ordered, ``search.injected`` when equations are put in."""
