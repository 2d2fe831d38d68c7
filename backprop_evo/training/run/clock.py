"""What a run costs and where it stands, for people who watch it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from backprop_evo.records.training import TrainProgress


@dataclass(slots=True)
class Clock:
    """Seconds and images spent in training steps, evaluation apart."""

    seconds: float = 0.0
    images: int = 0

    @property
    def images_per_s(self) -> float:
        """0 before the first step."""
        return self.images / self.seconds if self.seconds > 0 else 0.0

    def progress(
        self,
        step: int,
        until_step: int,
        *,
        steps_per_epoch: int,
        train_loss: float | None,
        validation_accuracy: float | None,
        phase: str,
    ) -> TrainProgress:
        """After ``step`` of ``until_step`` steps, by the pace so far."""
        return TrainProgress(
            epoch=step / steps_per_epoch,
            epochs=until_step / steps_per_epoch,
            train_loss=train_loss if train_loss is not None else math.nan,
            validation_accuracy=validation_accuracy,
            images_per_s=self.images_per_s,
            eta_s=self.seconds / max(1, step) * (until_step - step),
            phase="probe" if phase == "probe" else "train",
        )
