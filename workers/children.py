"""A child trained on this slot's device. Torch is imported here, when the first is, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from backprop_evo.errors import DeviceUnusable
from backprop_evo.records.stored import TrialRecord
from backprop_evo.records.training import TrainProgress, TrainResult, TrainSpec
from backprop_evo.settings import settings
from backprop_evo.training.run.rungs import Rungs

if TYPE_CHECKING:
    from backprop_evo.training.run.kept_images import KeptImages


def train_on_slot(
    trial: TrialRecord,
    spec: TrainSpec,
    on_progress: Callable[[TrainProgress], None],
    should_stop: Callable[[], bool],
    rungs: Rungs,
) -> TrainResult:
    """Raises as ``train_child`` does, and ``DeviceUnusable`` where the slot's GPU is gone."""
    check_device()
    from backprop_evo.training import train_child

    return train_child(
        trial.method,
        spec,
        seed=trial.seed,
        data_dir=settings().resolved_data_dir,
        on_progress=on_progress,
        should_stop=should_stop,
        rungs=rungs,
        kept=_kept_images(),
    )


@cache
def _kept_images() -> KeptImages:
    """Of this process, which trains one child after the other."""
    from backprop_evo.training.run.kept_images import KeptImages

    return KeptImages()


def check_device() -> None:
    """Raises ``DeviceUnusable``, or what the import of torch raises."""
    import torch

    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    # Without this check a slot whose driver broke would train on the CPU, a hundred times as long.
    if os.environ.get("BACKPROP_EVO_SLOT") and gpu and not torch.cuda.is_available():
        raise DeviceUnusable(
            f"torch sees no GPU, but this slot has GPU {gpu}",
            hint="look at nvidia-smi and at the driver; torch must be built for CUDA",
        )
