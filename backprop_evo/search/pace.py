"""How long a training takes: what was measured, and the line through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

FEW_TIMES = 8
"""Trainings from which on a slope is fitted, where their lengths differ."""


@dataclass(frozen=True, slots=True)
class TimedTraining:
    """What was measured of one training."""

    steps: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a training takes here: ``overhead_s`` (probes of rates, evaluations, start and end), and
    ``step_s`` a step. ``measured`` is the number of trainings it stands on, 0: a guess."""

    step_s: float
    overhead_s: float
    measured: int = 0

    def training_s(self, steps: float) -> float:
        """Seconds in which a slot trains so many steps."""
        return self.overhead_s + self.step_s * steps


def pace_of(times: Sequence[TimedTraining], guess: Pace) -> Pace:
    """The line through what was measured where lengths differ, else the guess brought to their mean."""
    if not times:
        return guess
    steps, seconds = fmean(each.steps for each in times), fmean(each.seconds for each in times)
    spread = sum((each.steps - steps) ** 2 for each in times)
    if len(times) >= FEW_TIMES and spread > len(times) * (steps / 4) ** 2:
        together = sum((each.steps - steps) * (each.seconds - seconds) for each in times)
        step_s = together / spread
        if step_s > 0 and seconds >= step_s * steps:
            return Pace(step_s=step_s, overhead_s=seconds - step_s * steps, measured=len(times))
    factor = seconds / guess.training_s(steps)
    return Pace(step_s=guess.step_s * factor, overhead_s=guess.overhead_s * factor, measured=len(times))
