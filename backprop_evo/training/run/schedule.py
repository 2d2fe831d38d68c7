"""The learning rate over a run (Alber et al. 2018, appendix B).

Runs of more than 50 epochs warm up linearly over the first 10 % of their steps and then fall along a half
cosine. For shorter runs the paper names no schedule; the rate is constant.
"""

from __future__ import annotations

import math

from backprop_evo.records.training import ScheduleName, TrainSpec

CONSTANT_UP_TO_EPOCHS = 50
WARM_UP_SHARE = 0.1


def resolved_schedule(spec: TrainSpec) -> ScheduleName:
    """``constant`` or ``cosine``."""
    if spec.schedule != "auto":
        return spec.schedule
    return "constant" if spec.epochs <= CONSTANT_UP_TO_EPOCHS else "cosine"


def rate_at(step: int, steps: int, base_rate: float, schedule: ScheduleName) -> float:
    """The rate of step 0 … steps - 1."""
    if schedule == "constant":
        return base_rate
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        # One more than done: a first step at rate 0 would be a step for nothing.
        return base_rate * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, steps - warm_up)
    return base_rate * 0.5 * (1 + math.cos(math.pi * progress))
