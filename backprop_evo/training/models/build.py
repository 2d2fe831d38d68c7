"""Child models by name (the grammar is in ``records.model_names``).

All are ordinary modules without any knowledge of equations. Weights are drawn He-normal (He et al. 2015),
biases start at zero, as in the paper's reference settings.

Shapes: B sample, C channel, H W space, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.model_names import MODEL_HINT, parse_model_name
from backprop_evo.training.models.wide_resnet import WideResNet

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


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


def _build(name: str, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    model = parse_model_name(name)
    if model.kind == "wrn":
        depth, width = model.sizes
        return WideResNet(depth, width, channels=image_shape[0], classes=classes)
    if model.kind == "cnn":
        return convnet(image_shape, classes)
    return perceptron(image_shape, model.sizes, classes, model.activation, batch_norm=model.batch_norm)


def perceptron(
    image_shape: tuple[int, int, int],
    widths: Sequence[int],
    classes: int,
    activation: str = "relu",
    *,
    batch_norm: bool = False,
) -> nn.Module:
    """Fully connected layers of the given widths between the flattened image and the classes, each perhaps
    with BatchNorm before its activation.
    """
    channels, height, width = image_shape
    sizes = [channels * height * width, *widths]
    layers: list[nn.Module] = [nn.Flatten()]
    for wide_in, wide_out in pairwise(sizes):
        norm = [nn.BatchNorm1d(wide_out)] if batch_norm else []
        layers += [nn.Linear(wide_in, wide_out), *norm, ACTIVATIONS[activation]()]
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
            hint=MODEL_HINT,
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
