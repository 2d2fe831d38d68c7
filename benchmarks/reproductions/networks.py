"""The networks of the published experiments, as ordinary modules.

He-normal weights and zero biases, as the product's own models have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
}


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


class Block(nn.Module):
    """A 5×5 convolution with BatchNorm beside the identity, and ReLU over the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 5, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.relu = nn.ReLU()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Shapes stay as they are."""
        summed: Tensor = x_BCHW + self.norm(self.conv(x_BCHW))
        return self.relu(summed)


def residual(
    image_shape: Sequence[int], classes: int, *, channels: int, blocks: int, width: int
) -> nn.Sequential:
    """A 5×5 convolution of stride 2, residual blocks, a hidden layer of ``width``, the classes."""
    of_images, height, wide = image_shape
    features = channels * ((height + 1) // 2) * ((wide + 1) // 2)
    return drawn(
        nn.Sequential(
            nn.Conv2d(of_images, channels, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(channels, affine=False),
            nn.ReLU(),
            *(Block(channels) for _ in range(blocks)),
            nn.Flatten(),
            nn.Linear(features, width),
            nn.BatchNorm1d(width, affine=False),
            nn.ReLU(),
            nn.Linear(width, classes),
        )
    )


def drawn(model: nn.Sequential) -> nn.Sequential:
    """The model with fresh weights, from torch's global generator."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if layer is layers[-1] else "relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return model
