"""A data set that lives on the training device as uint8, and its batches.

Preparation is the paper's reference (Loshchilov & Hutter 2016): pixels / 255 minus the per-pixel mean of
the training images; augmentation is a random mirror and a random crop after 4 pixels of zero padding. A
whole batch is prepared at once on the device; no loader processes.

Shapes: B sample, C channel, H W space, N images of the split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# The customary crop of CIFAR images: padded to 40 × 40 and cut back to 32.
PAD = 4


class LabelledImages(Protocol):
    """A split as the data room hands it over: images uint8 (N, C, H, W), labels (N,)."""

    @property
    def images(self) -> np.ndarray:
        """uint8 (N, C, H, W)."""

    @property
    def labels(self) -> np.ndarray:
        """Integers (N,) in 0 … classes − 1."""


@dataclass(frozen=True, slots=True)
class Resident:
    """One split on the device, with the mean that is subtracted from it."""

    images_NCHW: Tensor
    labels_N: Tensor
    mean_CHW: Tensor
    channels_last: bool

    def __len__(self) -> int:
        return int(self.labels_N.shape[0])

    def prepared(self, index_B: Tensor) -> tuple[Tensor, Tensor]:
        """Float images, mean subtracted, and labels at the given places."""
        # Bytes on the device, floats only for a batch: a quarter of the memory.
        x_BCHW = self.images_NCHW[index_B].float().div_(255).sub_(self.mean_CHW)
        if self.channels_last:
            x_BCHW = x_BCHW.contiguous(memory_format=torch.channels_last)
        return x_BCHW, self.labels_N[index_B]

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, in order; the last batch may be short."""
        for index_B in torch.arange(len(self), device=self.labels_N.device).split(batch_size):
            yield self.prepared(index_B)


def make_resident(
    split: LabelledImages,
    device: torch.device,
    *,
    cap: int | None = None,
    mean_CHW: Tensor | None = None,
    channels_last: bool = False,
) -> Resident:
    """Puts a split (or ``cap`` images of it, the classes evenly) on the device.

    ``mean_CHW`` is the training split's; None computes it from this split.
    """
    images, labels = np.asarray(split.images), np.asarray(split.labels)
    if cap is not None and cap < len(labels):
        chosen = evenly(labels, cap)
        images, labels = images[chosen], labels[chosen]
    images_NCHW = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    if mean_CHW is None:
        # float32 loses digits in sums over 50,000 images.
        mean_CHW = torch.from_numpy(images.mean(axis=0, dtype=np.float64) / 255).float().to(device)
    labels_N = torch.from_numpy(labels.astype(np.int64)).to(device)
    return Resident(images_NCHW, labels_N, mean_CHW, channels_last)


def evenly(labels: np.ndarray, count: int) -> np.ndarray:
    """``count`` places, the first of every class, then the second of every class, …; sorted."""
    rank = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        where = labels == label
        rank[where] = np.arange(where.sum())
    return np.sort(np.lexsort((labels, rank))[:count])


def augment(x_BCHW: Tensor, mirror_B: Tensor, shift_B2: Tensor) -> Tensor:
    """Mirrors where ``mirror_B``, then crops at ``shift_B2`` (rows, columns in 0..2·PAD) of the zero-padded
    image.
    """
    batch, _, height, width = x_BCHW.shape
    # After the mean was subtracted, so that the border is the mean and not black.
    padded = F.pad(x_BCHW, (PAD, PAD, PAD, PAD))
    rows_BH = shift_B2[:, :1] + torch.arange(height, device=x_BCHW.device)
    columns_W = torch.arange(width, device=x_BCHW.device)
    columns_BW = shift_B2[:, 1:] + torch.where(mirror_B[:, None], columns_W.flip(0), columns_W)
    samples = torch.arange(batch, device=x_BCHW.device)
    cropped_BHWC = padded.permute(0, 2, 3, 1)[
        samples[:, None, None], rows_BH[:, :, None], columns_BW[:, None, :]
    ]
    return cropped_BHWC.permute(0, 3, 1, 2)


def draw_augmentation(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(mirror_B, shift_B2) for one batch, on the generator's device."""
    device = generator.device
    mirror_B = torch.rand(batch, generator=generator, device=device) < 0.5
    shift_B2 = torch.randint(0, 2 * PAD + 1, (batch, 2), generator=generator, device=device)
    return mirror_B, shift_B2
