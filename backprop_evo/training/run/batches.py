"""Which images each step of a run sees: a function of seed and step alone, whatever the method draws."""

from __future__ import annotations

import torch
from torch import Tensor

from backprop_evo.training.run.material import Material
from backprop_evo.training.run.resident import augment, draw_augmentation


class Batches:
    """The batches of one run, asked for in the order of its steps.

    Generators of their own, so that an equation that draws noise sees the batches of one that draws none.
    """

    def __init__(self, material: Material, seed: int, device: torch.device) -> None:
        self._material = material
        self._order = torch.Generator().manual_seed(seed)
        # On the device: no wait for a copy. One seed further, or mirrors would go with the shuffle.
        self._augmentation = torch.Generator(device).manual_seed(seed + 1)
        self._permutation = torch.empty(0, dtype=torch.long)

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Prepared images (B, C, H, W) and labels (B,) of that step; every epoch is shuffled anew."""
        material = self._material
        train = material.images.train
        place = step % material.steps_per_epoch
        if place == 0:
            self._permutation = torch.randperm(len(train), generator=self._order).to(train.labels_N.device)
        index_B = self._permutation[place * material.batch_size : (place + 1) * material.batch_size]
        x_BCHW, labels_B = train.prepared(index_B)
        if material.spec.augment:
            x_BCHW = augment(x_BCHW, *draw_augmentation(len(labels_B), self._augmentation))
        return x_BCHW, labels_B
