"""The images of an experiment: bytes that become numbers batch by batch, and what is measured on.

Shapes: N images, B sample, C channel, H W space.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from backprop_evo import data
from backprop_evo.data.dataset import Split

MEASURED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """``pixels_NCHW`` uint8; a batch is (pixels / 255 − ``mean``) / ``deviation``."""

    pixels_NCHW: Tensor
    labels_N: Tensor
    mean: float
    deviation: float

    def __len__(self) -> int:
        return len(self.labels_N)

    def at(self, places: Tensor) -> tuple[Tensor, Tensor]:
        pixels = self.pixels_NCHW[places].float().div_(255)
        return pixels.sub_(self.mean).div_(self.deviation), self.labels_N[places]

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        for places in torch.arange(len(self)).split(MEASURED_AT_ONCE):
            yield self.at(places)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What is learnt from, and what is measured on."""

    train: Pictures
    measured: Pictures
    classes: int

    @property
    def features(self) -> int:
        return int(self.train.pixels_NCHW[0].numel())

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return tuple(self.train.pixels_NCHW.shape[1:])


@lru_cache(maxsize=1)
def load(name: str, part: str, scale: str, data_dir: Path | None) -> Material:
    """``part`` test: all published training images are learnt from, as published. ``part`` validation: those
    that are not validation. ``scale`` unit: pixels in [0, 1]; standard: mean 0 and deviation 1 over all.
    """
    dataset = data.load(name, data_dir)
    train, measured = (
        (dataset.train, dataset.test) if part == "test" else data.split_train_validation(dataset)
    )
    mean, deviation = _scale(train) if scale == "standard" else (0.0, 1.0)
    return Material(_pictures(train, mean, deviation), _pictures(measured, mean, deviation), dataset.classes)


def _scale(split: Split) -> tuple[float, float]:
    return float(split.images.mean() / 255), float(split.images.std() / 255)


def _pictures(split: Split, mean: float, deviation: float) -> Pictures:
    return Pictures(torch.from_numpy(split.images), torch.from_numpy(split.labels).long(), mean, deviation)
