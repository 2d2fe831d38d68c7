"""One window: forward from the state that the last one left, backward from its loss and from the future.

    gradient at a window's start = its own loss, and the future at its end, brought back through it

That sum is what the future at the last window's end should have been: the *bootstrap*, for it rests on a
prediction itself. With ``Nothing`` for a future this is truncated BPTT, by the same lines.

Shapes: B sequence, T time step, O output, S state.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from backprop_evo.training.sequences.future import Future
from backprop_evo.training.sequences.network import SequenceNetwork
from backprop_evo.training.sequences.windows import Window


@dataclass(slots=True, eq=False)
class WindowLearner:
    """The network between two windows. ``state_BS`` is where the next one begins."""

    network: SequenceNetwork
    future: Future
    state_BS: Tensor
    _has_past: bool = False

    def learn(self, window: Window) -> Tensor:
        """The loss of a sequence in nats, summed over the window's time steps, the mean over sequences.

        Adds to ``.grad`` of the network's parameters; has the future learn what arrived at the start.
        """
        start_BS = self.state_BS.detach().requires_grad_()
        logits_BTO, end_BS = self.network(window.x_BTI, start_BS)
        loss = cross_entropy(logits_BTO, window) / len(start_BS)
        coming_BS = self.future.gradient(end_BS.detach())
        if coming_BS is None:
            loss.backward()
        else:
            torch.autograd.backward([loss, end_BS], [None, coming_BS / len(start_BS)])
        if self._has_past and start_BS.grad is not None:
            self.future.learn(start_BS.detach(), start_BS.grad * len(start_BS))
        self.state_BS, self._has_past = end_BS.detach(), True
        return loss.detach()


def cross_entropy(logits_BTO: Tensor, window: Window) -> Tensor:
    """In nats, summed over sequences and the time steps that count."""
    each = F.cross_entropy(logits_BTO.flatten(0, 1), window.targets_BT.flatten(), reduction="none")
    return (each * window.counted_BT.flatten()).sum()
