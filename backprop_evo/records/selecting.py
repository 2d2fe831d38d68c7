"""Who may be a parent, and how often the best are measured, as a search is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backprop_evo.records.described import Bounds, between, described

MOST_MEASUREMENTS = 20
"""More would say no more than a confirmation does, which also has controls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Selection under noise.

    ``parents``: "all" that were compared, where one that a pruner ended stands below whoever came further;
    "completed" is that of searches from before there was a choice. ``remeasured`` is the share of the
    search's trials that train one of the best again, with another seed, no behaviour more than
    ``max_measurements`` times in all; 0: each is measured once.
    """

    parents: Literal["all", "completed"] = described(
        "all",
        "Who may be a parent: pruned ones too, below whoever came further; or completed ones alone.",
    )
    remeasured: float = described(
        0.1,
        "Share of the trials that measure one of the best again, with another seed.",
        bounds=Bounds("from 0 to 0.5", lambda share: 0 <= share <= 0.5),
    )
    max_measurements: int = described(
        5,
        "Trainings of one equation at most, where the best are measured again.",
        bounds=between(1, MOST_MEASUREMENTS),
    )
