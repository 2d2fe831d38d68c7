"""What people change in a search or an evaluation that is there: its marks, trials tried again, equations put
in."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.described import is_storable
from backprop_evo.records.states import TrialState

RETRIABLE = (TrialState.FAILED, TrialState.LOST, TrialState.OOM, TrialState.TIMEOUT)
"""Ends that say nothing of the equation: faults, and limits of the machine."""

MAX_INJECTED, MAX_WAITING = 200, 1000
"""Equations in one request, and those of a search that wait for their place."""

MAX_TAGS, MAX_TAG, MAX_NOTE = 20, 50, 10_000
"""Tags of a search, letters of each, letters of a note, be it of a search or of an equation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What may be changed at any time, because no decision of the brain depends on it. ``priority`` begins
    with that of the spec; what is archived is left out of lists."""

    priority: int = 1
    tags: tuple[str, ...] = ()
    note: str = ""
    archived_at: datetime | None = None


NO_MARKS = Marks()
"""Those of whatever was just submitted with the usual priority."""


TAG = re.compile(r"[a-z0-9_.:/@+-]{1,50}")
MAX_PRIORITY, MAX_TRIALS = 100, 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What somebody wants changed; None leaves it as it is. ``tags`` replace those that there are.
    ``trials`` is a new budget in place of the present one. Raises ``InvalidSettings`` naming the field."""

    priority: int | None = None
    tags: tuple[str, ...] | None = None
    note: str | None = None
    archived: bool | None = None
    trials: int | None = None

    def __post_init__(self) -> None:
        for name, most in (("priority", MAX_PRIORITY), ("trials", MAX_TRIALS)):
            number = getattr(self, name)
            if number is not None and not 1 <= number <= most:
                raise InvalidSettings(f"{name} must be 1 to {most:,}, not {number}", field=name)
        _check_note(self.note)
        if self.tags is not None:
            object.__setattr__(self, "tags", _tidy(self.tags))
        if all(getattr(self, each.name) is None for each in fields(self)):
            raise InvalidSettings(
                "nothing is to be changed",
                field="body",
                hint="name one of priority, tags, note, archived, trials",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EquationMarks:
    """Of a behaviour, whatever search trained it: whether somebody starred it, and a text of theirs."""

    starred: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EquationChanges:
    """What somebody wants changed of these; None leaves it as it is. Raises ``InvalidSettings`` naming the
    field."""

    starred: bool | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        _check_note(self.note)
        if self.starred is None and self.note is None:
            raise InvalidSettings(
                "nothing is to be changed", field="body", hint="name one of starred, note, or both"
            )


def _check_note(note: str | None) -> None:
    if note is not None and (len(note) > MAX_NOTE or not is_storable(note)):
        raise InvalidSettings(f"note must be at most {MAX_NOTE:,} letters without U+0000", field="note")


def _tidy(tags: tuple[str, ...]) -> tuple[str, ...]:
    """In small letters, in order, each once: what they are found by on every database."""
    tidy = tuple(sorted({each.strip().lower() for each in tags}))
    for each in tidy:
        if not TAG.fullmatch(each):
            raise InvalidSettings(
                f"{each[:60]!r} is no tag",
                field="tags",
                hint=f"1 to {MAX_TAG} of a-z, 0-9 and . : / @ + _ -, without spaces",
            )
    if len(tidy) > MAX_TAGS:
        raise InvalidSettings(f"tags must be at most {MAX_TAGS}, not {len(tidy)}", field="tags")
    return tidy


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRecord:
    """An end of a trial that somebody did not leave at that: what was heard of it at ``finish_order``."""

    trial_id: str
    finish_order: int
    state: TrialState
    reason: str | None
    ended_at: datetime
    retried_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """An equation that was read; ``hopeless`` says why it will be left untrained, where it will."""

    equation: str
    fingerprint: str
    hopeless: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionRecord:
    """One equation that somebody put into a search, at its ``place`` among them. ``individual`` is its number
    once it is proposed. ``twin`` is the individual that behaves the same, known before or by then; ``state``
    that of its trial."""

    search_id: str
    place: int
    equation: str
    fingerprint: str
    injected_at: datetime
    individual: int | None = None
    twin: int | None = None
    screened_out: str | None = None
    state: TrialState | None = None

    @property
    def outcome(self) -> str:
        """What became of it, in words."""
        waits = self.individual is None
        if self.screened_out is not None:
            return f"{'will be' if waits else 'is'} left untrained: {self.screened_out}"
        if self.twin is not None:
            inherits = "will inherit" if waits else "inherits"
            return f"behaves as individual {self.twin}, whose fitness it {inherits}"
        if waits:
            return "waits for its place"
        return f"individual {self.individual}, {self.state or 'proposed'}"
