"""Gradient descent with momentum and weight decay: bit for bit that of ``torch.optim.SGD``, without the
compiler of torch. Every optimiser class imports that when it is made, which takes a worker nearly as long as
the rest of torch, and memory in every slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim.sgd import sgd


@dataclass(slots=True)
class Group:
    """Parameters of one learning rate: a number, or a tensor of no dimensions for a captured step to read."""

    parameters: Sequence[Tensor]
    rate: float | Tensor
    _momenta: dict[Tensor, Tensor | None] = field(default_factory=dict)

    def step(self, momentum: float, weight_decay: float, *, fused: bool | None) -> None:
        """One update of the parameters that have a gradient."""
        trained = [each for each in self.parameters if each.grad is not None]
        gradients = [each.grad for each in trained if each.grad is not None]
        momenta = [self._momenta.get(each) for each in trained] if momentum else []
        sgd(
            trained,
            gradients,
            momenta,
            fused=fused,
            weight_decay=weight_decay,
            momentum=momentum,
            lr=self.rate,  # type: ignore[arg-type] # the class hands tensors over, too
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        # Made by the first step of a parameter, in the list that was handed over.
        self._momenta.update(zip(trained, momenta, strict=False))


@dataclass(frozen=True, slots=True)
class Descent:
    """One step after the other. ``fused``: by torch's one kernel for all parameters; None leaves the choice
    to torch."""

    groups: Sequence[Group]
    momentum: float
    weight_decay: float
    fused: bool | None = None

    def forget_gradients(self) -> None:
        """No parameter has one: not zero, so that what is not trained then is not moved by its momentum."""
        for group in self.groups:
            for each in group.parameters:
                each.grad = None

    def step(self) -> None:
        """One update of what has a gradient."""
        with torch.no_grad():
            for group in self.groups:
                group.step(self.momentum, self.weight_decay, fused=self.fused)
