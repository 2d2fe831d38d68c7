"""Waiting for a search or an evaluation to end, also over an API that is restarted meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from backprop_evo.client.steps import Conversation, Pause
from backprop_evo.errors import NotEnded, Unavailable
from backprop_evo.wording import duration


class Driven(Protocol):
    """A search or an evaluation at one moment."""

    @property
    def id(self) -> str:
        """Of the service."""

    @property
    def has_ended(self) -> bool:
        """In a terminal state."""


D = TypeVar("D", bound=Driven)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """``timeout`` is the longest wait in seconds, None: for ever. The service is asked every ``every_s``; it
    may be away for ``away_s``."""

    timeout: float | None
    every_s: float
    away_s: float


def until_ended(
    look: Callable[[], Conversation[D]], patience: Patience, clock: Callable[[], float]
) -> Conversation[D]:
    """What ``look`` found last: it has ended. Raises ``NotEnded`` after the timeout, ``Unavailable`` where
    the service was away for too long."""
    began = answered = clock()
    while True:
        try:
            found = yield from look()
        except Unavailable:
            if clock() - answered > patience.away_s:
                raise
        else:
            answered = clock()
            if found.has_ended:
                return found
        left = None if patience.timeout is None else patience.timeout - (clock() - began)
        if left is not None and left <= 0:
            raise NotEnded(
                f"it has not ended within {duration(patience.timeout)}",
                hint="it goes on; wait again, or cancel it",
            )
        yield Pause(patience.every_s if left is None else min(patience.every_s, left))
