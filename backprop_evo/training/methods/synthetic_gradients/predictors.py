"""M: the small model that predicts, from a layer's input alone, the gradient that will arrive there. I, which
predicts the input itself from the network's, is made in the same way.

For features (B, I) it is linear layers, for maps (B, C, H, W) padded 5×5 convolutions, so that a prediction
has the shape of what it predicts. The last layer begins at zero: an M that has learnt nothing sends nothing.

Shapes: B sample, I features, C channel, H W space, K classes.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.methods.synthetic_gradients.settings import SyntheticGradientSettings

#: Side of M's convolutions; their padding keeps the resolution.
KERNEL = 5


class Predictor(nn.Module):
    """M for inputs like ``h``. ``classes`` is None where it does not see labels; ``features`` how many it
    predicts where these are not as many as it sees.

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
        features: int | None = None,
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
        seen = int(h.shape[1])
        hidden = settings.width if h.dim() == 2 else settings.channels
        sizes = [seen + (classes or 0), *[hidden] * settings.hidden_layers, features or seen]
        dtype = torch.promote_types(h.dtype, torch.float32)
        sides = (KERNEL, KERNEL) if h.dim() == 4 else ()
        norm = nn.BatchNorm2d if h.dim() == 4 else nn.BatchNorm1d
        # Bare parameters: modules would draw weights from the global generator, and then be overwritten.
        self.weights, self.biases, self.norms = nn.ParameterList(), nn.ParameterList(), nn.ModuleList()
        for size_in, size_out in pairwise(sizes):
            weight = torch.zeros(size_out, size_in, *sides)
            if len(self.norms) < settings.hidden_layers:
                nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
                self.norms.append(norm(size_out, device=h.device, dtype=dtype))
            self.weights.append(nn.Parameter(weight.to(h.device, dtype)))
            self.biases.append(nn.Parameter(torch.zeros(size_out, device=h.device, dtype=dtype)))
        self._dtype = dtype

    def forward(self, h: Tensor, labels_B: Tensor | None = None) -> Tensor:
        """What is predicted. Labels, which only a model of ``classes`` needs, are broadcast over a map."""
        x = h.to(self._dtype)
        if self._classes is not None and labels_B is not None:
            # Compared, not ``F.one_hot``, which reads the labels to check them: a CUDA graph could not.
            numbers_K = torch.arange(self._classes, device=labels_B.device)
            one_hot = (labels_B[:, None] == numbers_K).to(self._dtype)
            if x.dim() == 4:
                one_hot = one_hot[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, one_hot], 1)
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = F.conv2d(x, weight, bias, padding=KERNEL // 2) if x.dim() == 4 else F.linear(x, weight, bias)
            if place < len(self.norms):
                x = self.norms[place](x).relu()
        return x
