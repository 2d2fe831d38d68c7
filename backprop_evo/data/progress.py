"""How a long step tells its caller where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """``step`` in words; ``done`` of ``total`` bytes where known. A new ``step`` begins a new count."""

    step: str
    done: int = 0
    total: int | None = None


#: Called with each piece of news; whoever shows progress passes one, ``silent`` shows none.
Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The report of a caller who does not want to know."""
    del progress
