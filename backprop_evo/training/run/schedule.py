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


def course_at(step: int, steps: int, schedule: ScheduleName, warm_up_steps: int = 0) -> float:
    """What the rate is multiplied by at step 0 … steps - 1: above 0, at most 1.

    ``warm_up_steps`` are those of a constant schedule; the other has its own.
    """
    if schedule == "constant":
        return min(1.0, (step + 1) / (warm_up_steps + 1))
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        # One more than done: a first step at rate 0 would be a step for nothing.
        return (step + 1) / warm_up
    progress = (step - warm_up) / max(1, steps - warm_up)
    return 0.5 * (1 + math.cos(math.pi * progress))
