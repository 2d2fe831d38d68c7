"""A real slot, but for its trainings: each sleeps for a third of a second, and needs no torch.

The pool process, which is spawned, runs this file again under another name, so that it sleeps as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import TrialRecord
from backprop_evo.records.training import CurvePoint, TrainResult
from workers import slot, tasks

SECONDS, TICKS = 0.3, 6
CURVE = tuple(CurvePoint(epoch / 5, 2.0, 0.3, 0.1, 10.0 * epoch) for epoch in range(4))


def sleep(
    trial: TrialRecord, _spec: object, _on_progress: object, should_stop: Callable[[], bool], *_: Any
) -> TrainResult:
    for _ in range(TICKS):
        if should_stop():
            return TrainResult(outcome=TrialState.CANCELLED)
        time.sleep(SECONDS / TICKS)
    # A fitness that tells equations apart, so that the search has something to choose by.
    accuracy = sum(trial.fingerprint.encode()) % 1000 / 1000
    return TrainResult(
        outcome=TrialState.COMPLETED, validation_accuracy=accuracy, curve=CURVE, wall_time_s=SECONDS
    )


tasks.train_on_slot = sleep
tasks._warm_up = lambda: None

if __name__ == "__main__":
    slot.main()
