"""Child models by name: ``wrn-D-K``, ``cnn``, ``mlp-W[-W…][-tanh|-sigmoid]``.

All are ordinary modules without any knowledge of equations. Weights are drawn He-normal (He et al. 2015),
biases start at zero, as in the paper's reference settings.

Shapes: B sample, C channel, H W space, K classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.wide_resnet import WideResNet

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}

_HINT = (
    "known models: wrn-D-K (wrn-10-1, wrn-16-2, …), cnn, "
    "mlp-W[-W…][-tanh|-sigmoid] (mlp-112-16, mlp-240-240-tanh)"
)


def build_model(name: str, *, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The model called ``name`` for images of shape (C, H, W), with freshly drawn weights.

    Draws from torch's global generator. Raises InvalidSettings for a name that is no model.
    """
    model = _build(name, image_shape, classes)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            last = isinstance(module, nn.Linear) and module.out_features == classes
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear" if last else "relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def check_model_name(name: str) -> None:
    """Raises InvalidSettings unless ``name`` is a model that can be built."""
    _parse(name)


def _build(name: str, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    kind, sizes, activation = _parse(name)
    if kind == "wrn":
        return WideResNet(sizes[0], sizes[1], channels=image_shape[0], classes=classes)
    if kind == "cnn":
        return convnet(image_shape, classes)
    return perceptron(image_shape, sizes, classes, activation)


def _parse(name: str) -> tuple[str, list[int], str]:
    if match := re.fullmatch(r"wrn-(\d{1,4})-(\d{1,3})", name):
        depth, width = int(match[1]), int(match[2])
        if depth < 10 or (depth - 4) % 6 or width < 1:
            raise InvalidSettings(
                f"no model {name!r}: a depth is 10, 16, 22, 28, …", field="train.model", hint=_HINT
            )
        return "wrn", [depth, width], "relu"
    if name == "cnn":
        return "cnn", [], "relu"
    if match := re.fullmatch(r"mlp((?:-\d{1,6})+)(?:-(tanh|sigmoid|relu))?", name):
        widths = [int(width) for width in match[1][1:].split("-")]
        if all(widths):
            return "mlp", widths, match[2] or "relu"
    raise InvalidSettings(f"no model is called {name!r}", field="train.model", hint=_HINT)


def perceptron(
    image_shape: tuple[int, int, int], widths: Sequence[int], classes: int, activation: str = "relu"
) -> nn.Module:
    """Fully connected layers of the given widths between the flattened image and the classes."""
    channels, height, width = image_shape
    sizes = [channels * height * width, *widths]
    layers: list[nn.Module] = [nn.Flatten()]
    for wide_in, wide_out in pairwise(sizes):
        layers += [nn.Linear(wide_in, wide_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


def convnet(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A plain network after LeNet-5: two 5×5 convolutions, two hidden layers.

    Pooling stands before the ReLU (the two commute), so that every layer's activation is directly below the
    next.
    """
    channels, height, width = image_shape
    if height < 8 or width < 8:
        raise InvalidSettings(
            f"the cnn needs images of at least 8×8 pixels, not {height}×{width}",
            field="train.model",
            hint=_HINT,
        )
    flat = 32 * (height // 4) * (width // 4)
    return nn.Sequential(
        nn.Conv2d(channels, 16, 5, padding=2),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.ReLU(),
        nn.Linear(flat, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )
