"""The networks of the published experiments, as ordinary modules.

He-normal weights and zero biases, as the product's own models have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
}
BLOCK_CHANNELS, BLOCKS, OUTPUT_WIDTH = 64, 5, 512


def perceptron(
    features: int, widths: Sequence[int], classes: int, *, activation: str = "relu", batch_norm: bool = True,
    affine: bool = True,
) -> nn.Sequential:  # fmt: skip
    """``affine``: whether BatchNorm has a scale and a shift of its own to learn."""
    layers: list[nn.Module] = [nn.Flatten()]
    for wide_in, wide_out in pairwise([features, *widths]):
        norm = [nn.BatchNorm1d(wide_out, affine=affine)] if batch_norm else []
        layers += [nn.Linear(wide_in, wide_out), *norm, ACTIVATIONS[activation]()]
    return drawn(nn.Sequential(*layers, nn.Linear(widths[-1], classes)))


def drawn(model: nn.Sequential) -> nn.Sequential:
    """The model with fresh weights, from torch's global generator."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if layer is layers[-1] else "relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return model
