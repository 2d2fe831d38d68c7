"""The network for sequences: one LSTM and a linear layer that writes.

Shapes: B sequence, T time step, I input, O output, S state: h and c of the LSTM, side by side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SequenceNetwork(nn.Module):
    """Draws its weights from torch's global generator, as torch does for an LSTM and a Linear."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True)
        self.output = nn.Linear(units, outputs)

    @property
    def state_size(self) -> int:
        """S."""
        return 2 * self.lstm.hidden_size

    def forward(self, x_BTI: Tensor, state_BS: Tensor) -> tuple[Tensor, Tensor]:
        """The logits (B, T, O) and the state after the last time step."""
        h_BU, c_BU = state_BS.chunk(2, 1)
        h_BTU, (h_end, c_end) = self.lstm(x_BTI, (h_BU[None].contiguous(), c_BU[None].contiguous()))
        return self.output(h_BTU), torch.cat([h_end[0], c_end[0]], 1)

    def empty_state(self, batch_size: int) -> Tensor:
        """Of sequences of which nothing has been read: zero."""
        like = self.output.weight
        return torch.zeros(batch_size, self.state_size, dtype=like.dtype, device=like.device)
