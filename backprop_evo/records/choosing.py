"""Which trials and which rows of a leaderboard somebody wants to see, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backprop_evo.errors import InvalidInput
from backprop_evo.records.described import is_storable
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState

MAX_CHOSEN_TEXT = 200


class TrialOrder(StrEnum):
    """Of a list of trials: by when they were decided, by accuracy, by time taken."""

    NEWEST = "newest"
    OLDEST = "oldest"
    BEST = "best"
    LONGEST = "longest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is chosen by how an equation is written: ``text`` is a part of it, ``component`` the name of an
    operand or a function in it, such as g, fro or clip. Raises ``InvalidInput``."""

    text: str | None = None
    component: str | None = None

    def __post_init__(self) -> None:
        for name, given in (("text", self.text), ("component", self.component)):
            if given is not None and not (0 < len(given) <= MAX_CHOSEN_TEXT and is_storable(given)):
                raise InvalidInput(
                    f"{name} must be 1 to {MAX_CHOSEN_TEXT} letters without U+0000",
                    hint=f"leave {name} away to see all",
                )
        if self.component is not None and not self.component.isidentifier():
            raise InvalidInput(
                f"{self.component[:40]!r} is no name of a component",
                hint="give a name such as g, fro or clip; look for signs with text",
            )

    @property
    def chooses_equations(self) -> bool:
        """Whether only equations that are written in some way are wanted."""
        return any((self.text, self.component))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialChoice(Written):
    """Of a list of trials; None chooses all."""

    state: TrialState | None = None
    purpose: Purpose | None = None
    order: TrialOrder = TrialOrder.NEWEST


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice(Written):
    """Of a leaderboard; None chooses all. ``model``, ``data`` and ``optimizer`` choose settings."""

    confirmed: bool | None = None
    starred: bool | None = None
    model: str | None = None
    data: str | None = None
    optimizer: str | None = None

    @property
    def chooses_settings(self) -> bool:
        """Whether only some settings are wanted."""
        return any((self.model, self.data, self.optimizer))

    @property
    def chooses_rows(self) -> bool:
        """Whether only some rows within a setting are wanted."""
        given = (self.confirmed, self.starred)
        return any(each is not None for each in given) or self.chooses_equations


EVERY_TRIAL, EVERY_ROW = TrialChoice(), RowChoice()
