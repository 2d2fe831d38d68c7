"""M: the small model that predicts, from a layer's input alone, the gradient that will arrive there.

For features (B, I) it is linear layers, for maps (B, C, H, W) padded 5×5 convolutions, so that a prediction
has the shape of what it predicts. The last layer begins at zero: an M that has learnt nothing sends nothing.

Shapes: B sample, I features, C channel, H W space, K classes.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.methods.synthetic_gradients.settings import SyntheticGradientSettings

#: Side of M's convolutions; their padding keeps the resolution.
KERNEL = 5


class Predictor(nn.Module):
    """M for inputs like ``h``. ``classes`` is None where it does not see labels.

    Hidden weights are He-normal, drawn from ``generator``: the network's own randomness stays as it was.
    Raises InvalidSettings for inputs that are neither features nor maps.
    """

    def __init__(
        self,
        h: Tensor,
        settings: SyntheticGradientSettings,
        *,
        classes: int | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if h.dim() not in (2, 4):
            raise InvalidSettings(
                "synthetic gradients predict features (B, I) or maps (B, C, H, W), and here a layer's input "
                f"has shape {tuple(h.shape)}",
                field="model",
                hint="an equation trains layers of any shape: apply_equation(model, …)",
            )
        self._classes = classes
        features = int(h.shape[1])
        hidden = settings.width if h.dim() == 2 else settings.channels
        sizes = [features + (classes or 0), *[hidden] * settings.hidden_layers, features]
        dtype = torch.promote_types(h.dtype, torch.float32)
        layers: list[nn.Module] = []
        for place, (size_in, size_out) in enumerate(pairwise(sizes)):
            layer = _layer(h, size_in, size_out).to(dtype=dtype)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            if place == settings.hidden_layers:
                nn.init.zeros_(layer.weight)
                layers.append(layer)
            else:
                drawn = torch.empty(layer.weight.shape)
                nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator)
                layer.weight.data.copy_(drawn)
                norm = nn.BatchNorm1d if h.dim() == 2 else nn.BatchNorm2d
                layers += [layer, norm(size_out, device=h.device, dtype=dtype), nn.ReLU()]
        self._layers = nn.Sequential(*layers)
        self._dtype = dtype

    def forward(self, h: Tensor, labels_B: Tensor) -> Tensor:
        """The predicted gradient, in the shape of ``h``. Labels are broadcast over the places of a map."""
        x = h.to(self._dtype)
        if self._classes is not None:
            one_hot = F.one_hot(labels_B, self._classes).to(self._dtype)
            if x.dim() == 4:
                one_hot = one_hot[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, one_hot], 1)
        predicted: Tensor = self._layers(x)
        return predicted


def _layer(h: Tensor, size_in: int, size_out: int) -> nn.Linear | nn.Conv2d:
    """Without its usual weights, which would be drawn from the global generator."""
    layer: nn.Linear | nn.Conv2d
    if h.dim() == 2:
        layer = skip_init(nn.Linear, size_in, size_out, device=h.device)
    else:
        layer = skip_init(nn.Conv2d, size_in, size_out, KERNEL, padding=KERNEL // 2, device=h.device)
    return layer
