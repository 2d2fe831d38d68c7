"""How the output of a network that no error has formatted is read: which unit stands for which class.

The last stage gives as many units as there are classes, in no order that anybody asked for. Standardised and
through softmax they are what the loss sees; a class is told by its most active unit, found from the mean
activations that each class had in training.

Shapes: B sample, K classes and units.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: How much of the mean activations a further batch leaves: some hundred batches are remembered.
MEMORY = 0.99


class Readout(nn.Module):
    """The norm of a network's output layer, and what its units stand for."""

    def __init__(self, classes: int, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(classes, affine=False, device=device, dtype=dtype)
        self.means_KK: Tensor
        self.register_buffer("means_KK", torch.zeros(classes, classes, device=device))

    def activation(self, output_BK: Tensor) -> Tensor:
        """The output layer's activation, as the loss sees it."""
        normed: Tensor = self.norm(output_BK)
        return normed.softmax(1)

    def remember(self, activation_BK: Tensor, labels_B: Tensor) -> None:
        """Adds a batch of training images to the mean activations, in place."""
        with torch.no_grad():
            one_hot_BK = F.one_hot(labels_B, self.means_KK.shape[0]).float()
            seen_K = one_hot_BK.sum(0)
            means_KK = (one_hot_BK.T @ activation_BK.float()) / seen_K.clamp(min=1)[:, None]
            # A class that the batch lacks keeps its mean.
            share_K1 = (1 - MEMORY) * (seen_K > 0).float()[:, None]
            self.means_KK.lerp_(means_KK, share_K1.expand_as(means_KK))

    def units(self) -> Tensor:
        """The unit of each class, (K,): the largest mean activation first, no unit twice."""
        means, classes = self.means_KK.tolist(), range(len(self.means_KK))
        order = sorted(((means[c][u], -c, -u) for c in classes for u in classes), reverse=True)
        found: dict[int, int] = {}
        for _, c, u in order:
            if -c not in found and -u not in found.values():
                found[-c] = -u
        return torch.tensor([found[c] for c in classes], device=self.means_KK.device)

    def logits(self, output_BK: Tensor) -> Tensor:
        """The standardised units in the order of their classes."""
        normed_BK: Tensor = self.norm(output_BK)
        # In training nobody asks for a class, and reading the units would make a device wait.
        return normed_BK if self.training else normed_BK[:, self.units()]

    def fold_into(self, layer: nn.Linear) -> None:
        """Puts norm and order into the layer itself, which then gives ``logits`` in evaluation."""
        with torch.no_grad():
            assert self.norm.running_var is not None
            assert self.norm.running_mean is not None
            scale_K = (self.norm.running_var + self.norm.eps).rsqrt()
            bias_K = 0 if layer.bias is None else layer.bias
            shifted_K = (bias_K - self.norm.running_mean) * scale_K
            units = self.units()
            layer.weight.copy_((layer.weight * scale_K[:, None])[units])
            if layer.bias is not None:
                layer.bias.copy_(shifted_K[units])
