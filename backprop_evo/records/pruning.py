"""Who goes on after a short training, as a search is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from backprop_evo.records.described import Bounds, at_least, at_most, below, described

SignalName = Literal["train_loss", "validation_accuracy"]
MAX_RUNGS = 32
"""A rung costs an evaluation and a transaction; a training that has more of them measures more than it
trains.
"""


def _are_rungs(rungs: tuple[int, ...]) -> bool:
    rising = all(low < high for low, high in pairwise(rungs))
    return len(rungs) <= MAX_RUNGS and all(step >= 1 for step in rungs) and rising


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunerSpec:
    """Who goes on after a short training: ``name`` as ``search.pruners`` has it.

    A training is measured after each of ``rungs`` (steps) and judged by ``signal`` against the search's other
    trials at the same rung, once ``min_trials`` of them were measured there. Where ``name`` is "asha", the
    best 1/``reduction`` go on. ``spared`` is the share of trials that no judgement ends, drawn by lot from
    the search's seed: what became of them shows what an early signal misses.
    """

    name: str = described(
        "none", "Who goes on after a short training.", name="pruner", label="Pruner", choices="pruners"
    )
    rungs: tuple[int, ...] = described(
        (),
        "Steps after which trainings are compared, such as 20,40.",
        name="rungs",
        unset="none",
        bounds=Bounds(f"up to {MAX_RUNGS} rising numbers of steps", _are_rungs),
    )
    signal: SignalName = described("train_loss", "What they are compared by.", label="Compared by")
    min_trials: int = described(
        5,
        "Trials measured at a rung before any is stopped there.",
        label="Trials before",
        bounds=at_least(1),
        limit=at_most(1_000_000),
    )
    reduction: float = described(
        3.0,
        "Of asha: of so many at a rung the best one goes on.",
        # Of one in one nobody is stopped: that is the pruner none.
        bounds=Bounds(
            "above 1 and at most 100 (at 1 none would be stopped: choose the pruner none)",
            lambda reduction: 1 < reduction <= 100,
        ),
    )
    spared: float = described(
        0.05,
        "Share of the trials that go on, by lot, where they would be stopped.",
        bounds=below(1),
    )
