"""A window: T time steps of B sequences side by side, and where windows come from.

Shapes: B sequence, T time step, I input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Window:
    """``counted_BT`` is 1 where the network has to write ``targets_BT``, and 0 where it only reads."""

    x_BTI: Tensor
    targets_BT: Tensor
    counted_BT: Tensor

    def cut(self, start: int, end: int) -> Window:
        """The time steps from ``start`` to before ``end``."""
        return Window(self.x_BTI[:, start:end], self.targets_BT[:, start:end], self.counted_BT[:, start:end])

    @property
    def length(self) -> int:
        """Time steps."""
        return self.targets_BT.shape[1]

    def to(self, device: torch.device) -> Window:
        """The same there."""
        return Window(self.x_BTI.to(device), self.targets_BT.to(device), self.counted_BT.to(device))


def joined(windows: list[Window]) -> Window:
    """One after the other in time."""
    return Window(
        torch.cat([each.x_BTI for each in windows], 1),
        torch.cat([each.targets_BT for each in windows], 1),
        torch.cat([each.counted_BT for each in windows], 1),
    )


class Stream(Protocol):
    """Sequences without an end, B side by side, read in windows one after the other."""

    @property
    def inputs(self) -> int:
        """I."""

    @property
    def outputs(self) -> int:
        """How many characters the network may write."""

    def next(self, length: int) -> Window:
        """The next ``length`` time steps."""

    def hear(self, bits: float, characters: int) -> None:
        """Told after each window what its characters cost, all together."""
