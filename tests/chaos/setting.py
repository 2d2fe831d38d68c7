"""What a case is given: a database of its own, a folder, the size of its study; and the register of cases."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.databases import Database
from tests.chaos.table import Row

Study = Callable[["Setting"], Iterable[Row]]
"""A case: its rows, one by one as they are known."""

REGISTER: dict[str, Study] = {}
SQLITE, POSTGRESQL = "sqlite", "postgresql"


def case(name: str) -> Callable[[Study], Study]:
    """Enter a function into the register, under the name by which ``--only`` asks for it."""

    def enter(study: Study) -> Study:
        REGISTER[name] = study
        return study

    return enter


@dataclass(frozen=True, slots=True)
class Setting:
    """One case on one database. ``short``: small enough for the ordinary tests; ``size`` overrides what a
    case takes for its number of trials; ``asleep``: slots sleep instead of training; ``every_s``: between
    two kills of the storm; ``clock``: by which requests are timed."""

    name: str
    database: Database
    folder: Path
    short: bool = False
    size: int | None = None
    asleep: bool = False
    every_s: float = 2.0
    clock: str = "wall"
    began: float = field(default_factory=time.monotonic)

    def row(self, must_hold: str, measured: str, holds: bool | None) -> Row:
        return Row(self.name, self.database.kind, must_hold, measured, holds)

    def tell(self, text: str) -> None:
        """Progress, for whoever waits; not a part of the table."""
        passed = time.monotonic() - self.began
        sys.stderr.write(f"{self.name}, {self.database.kind}, {passed:5.0f} s: {text}\n")
        sys.stderr.flush()

    def long_or_short(self, long: float, short: float) -> float:
        return short if self.short else long
