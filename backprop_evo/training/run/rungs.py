"""Steps at which a running training is measured and may be told to end: the trainer's side of a search.

Measuring changes nothing in the training: evaluation draws no random number and moves no running average, so
that a training with rungs is the training without them, bit for bit, up to where it is ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backprop_evo.records.training import IntermediateValue

Judge = Callable[[IntermediateValue], str | None]
"""Stores a value and answers why the training is to end there; None lets it go on."""


@dataclass(frozen=True, slots=True)
class Rungs:
    """``steps`` rise. ``judge`` is asked after each of them, and told of the epochs between.

    ``measures_accuracy`` is False where nobody compares by it: a rung then costs no evaluation. ``screens``
    asks for a look at the first backward pass before any step is taken.
    """

    steps: tuple[int, ...] = ()
    judge: Judge | None = None
    measures_accuracy: bool = True
    screens: bool = False

    def at(self, step: int) -> int | None:
        """The number of the rung that is reached after ``step`` steps."""
        return self.steps.index(step) if step in self.steps else None
