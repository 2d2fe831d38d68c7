"""What a pruner is given, and which stored values it may look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from backprop_evo.records.judging import GOES_ON, IntermediateRecord, Judged
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose
from backprop_evo.records.training import IntermediateValue
from backprop_evo.search.population import Grade
from backprop_evo.search.randomness import derive


class Pruner(Protocol):
    """``reason`` is a pure function: the same values give the same decision whenever it is asked."""

    @property
    def name(self) -> str:
        """As search specs have it."""

    @property
    def summary(self) -> str:
        """One line for people."""

    @property
    def needs_rungs(self) -> bool:
        """False for one that never looks at a value."""

    def reason(
        self, value: IntermediateValue, peers: Sequence[IntermediateValue], spec: PrunerSpec
    ) -> str | None:
        """Why the training of ``value`` is to end, in words; None lets it go on. ``peers`` were measured at
        the same rung before."""


def merit(value: IntermediateValue, spec: PrunerSpec) -> float:
    """What trainings are compared by, more being better."""
    if spec.signal == "train_loss":
        return -value.train_loss
    # A training that measured no accuracy, because nobody was to compare by it, is below all that did.
    return -1.0 if value.validation_accuracy is None else value.validation_accuracy


def grade_at(value: IntermediateValue, spec: PrunerSpec) -> Grade:
    """Where a training that a pruner ended at this value stands among others."""
    worth = merit(value, spec)
    # A loss that is no number is below every other, or the order would be none.
    return Grade(float(value.rung or 0), -math.inf if math.isnan(worth) else worth)


def shown(merit: float, spec: PrunerSpec) -> str:
    """A merit as people read it."""
    return f"training loss {-merit:.3f}" if spec.signal == "train_loss" else f"validation {merit:.1%}"


def is_spared(share: float, seed: int, individual: int) -> bool:
    """The lot of one individual in one search: one for all rungs, because a training that was spared at one
    and ended at the next would not show what became of it."""
    return derive(seed, "spared", individual) < share * 2**64


def judge_by(
    rule: Pruner,
    spec: PrunerSpec,
    seed: int,
    value: IntermediateValue,
    purpose: Purpose,
    individual: int,
    earlier: Sequence[IntermediateRecord],
) -> Judged:
    """The decision on a value of an individual's training, given what was stored before it; ``seed`` is the
    search's.

    Only trials of the search itself compete: a baseline or a confirmation cut short would be no yardstick.
    """
    if value.rung is None or purpose is not Purpose.SEARCH:
        return GOES_ON
    peers = [
        each.value for each in earlier if each.purpose is Purpose.SEARCH and each.value.rung == value.rung
    ]
    reason = rule.reason(value, peers, spec)
    if reason is None:
        return GOES_ON
    if is_spared(spec.spared, seed, individual):
        return Judged(spared=f"spared by lot at rung {value.rung} (step {value.step}): {reason}")
    return Judged(pruned=f"pruned at rung {value.rung} (step {value.step}): {reason}")
