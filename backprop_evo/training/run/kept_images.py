"""The images of the last training on a device, for a next one that wants the same.

In a search every training does, and putting them there took longer than all else before its first step.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from backprop_evo.data import path_of
from backprop_evo.records.training import LearningRateGrid, TrainSpec
from backprop_evo.training.run.capability import Capability
from backprop_evo.training.run.images import Images, load_images


@dataclass(slots=True)
class KeptImages:
    """Belongs to whoever trains one child after the other, such as a worker; one set at a time."""

    _key: tuple[object, ...] | None = None
    _images: Images | None = None

    def load(self, spec: TrainSpec, capability: Capability, data_dir: Path | None) -> Images:
        """As ``load_images``, with nothing read yet. A file that changed since is loaded anew."""
        key = _key_of(spec, capability, data_dir)
        if self._images is None or key is None or key != self._key:
            # Let go before: two sets may not fit on the device.
            self._key = self._images = None
            self._images = load_images(spec, capability, data_dir)
            self._key = key
        return replace(self._images, reads=Counter())


def _key_of(spec: TrainSpec, capability: Capability, data_dir: Path | None) -> tuple[object, ...] | None:
    """All that ``load_images`` looks at; None for a file that is not there, of which it says what to do."""
    try:
        file = path_of(spec.data, data_dir).stat()
    except OSError:
        return None
    return (
        (spec.data, data_dir, file.st_ino, file.st_size, file.st_mtime_ns),
        (capability.device, capability.channels_last),
        (spec.train_on, spec.train_images, spec.validation_images, spec.validation_part, spec.evaluate_test),
        isinstance(spec.learning_rate, LearningRateGrid),
    )
