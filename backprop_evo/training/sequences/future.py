"""What is known, at the end of a window, of the gradient that all later windows will send back there.

Gradients here are in units of one sequence's loss, not of the batch's mean, so that the rate of a model that
predicts them does not hang on the batch size.

Shapes: B sequence, S state.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn


class Future(Protocol):
    """The gradient at a state of all losses after it."""

    def gradient(self, state_BS: Tensor) -> Tensor | None:
        """(B, S); None where nothing is said of the future."""

    def learn(self, state_BS: Tensor, arrived_BS: Tensor) -> None:
        """Told what did arrive at a state once the window after it was done."""


class Nothing:
    """Truncated BPTT: no gradient comes from beyond a window."""

    def gradient(self, state_BS: Tensor) -> None:
        """None."""
        del state_BS

    def learn(self, state_BS: Tensor, arrived_BS: Tensor) -> None:
        """There is nothing to learn."""


class PredictedFuture(nn.Module):
    """M (Jaderberg et al. 2017): linear layers with ReLU between, from a state to its gradient, under an Adam
    of its own. The last begins at zero: an M that has learnt nothing sends nothing.

    ``scale`` multiplies what is sent, not what is learnt. Hidden weights are He-normal from ``generator``.
    """

    def __init__(
        self,
        state_size: int,
        *,
        hidden_layers: int,
        width: int,
        rate: float,
        scale: float,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        sizes = [state_size, *[width] * hidden_layers, state_size]
        for size_in, size_out in pairwise(sizes):
            linear = nn.utils.skip_init(nn.Linear, size_in, size_out, dtype=dtype)
            nn.init.zeros_(linear.bias)
            if len(layers) < 2 * hidden_layers:
                nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", generator=generator)
                layers += [linear, nn.ReLU()]
            else:
                nn.init.zeros_(linear.weight)
                layers.append(linear)
        self._layers = nn.Sequential(*layers).to(device)
        self._scale = scale
        self._optimizer = torch.optim.Adam(self.parameters(), lr=rate, fused=True)

    def forward(self, state_BS: Tensor) -> Tensor:
        """What is predicted, unscaled."""
        predicted: Tensor = self._layers(state_BS)
        return predicted

    @torch.no_grad()
    def gradient(self, state_BS: Tensor) -> Tensor:
        """What is predicted, scaled."""
        predicted: Tensor = self(state_BS)
        return predicted * self._scale

    def learn(self, state_BS: Tensor, arrived_BS: Tensor) -> None:
        """One step towards ``arrived_BS``, by the squared distance of a sequence.

        Predicted anew: M may have taken a step since it was asked.
        """
        self._optimizer.zero_grad(set_to_none=True)
        ((self(state_BS) - arrived_BS).square().sum() / len(state_BS)).backward()
        self._optimizer.step()
