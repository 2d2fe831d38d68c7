"""What the study prints: one row a promise, with the figure that was measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One promise of one case; ``holds`` is None where it could not be tried here, and ``measured`` says
    why."""

    case: str
    database: str
    must_hold: str
    measured: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        return {True: "yes", False: "NO", None: "not tried"}[self.holds]


def as_table(rows: Sequence[Row]) -> str:
    head = ["| case | database | must hold | measured | holds |", "|---|---|---|---|---|"]
    cells = [(each.case, each.database, each.must_hold, each.measured, each.verdict) for each in rows]
    return "\n".join([*head, *(f"| {' | '.join(each)} |" for each in cells)])


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [asdict(each) for each in rows]


def machine() -> str:
    """What a figure depends on."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
