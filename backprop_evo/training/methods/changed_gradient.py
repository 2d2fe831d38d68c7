"""Plain backprop whose gradients are changed before the optimiser sees them: what controls are made of.

The network is converted to sites of the equation ``g``, which leave every gradient as autograd has it, so
that a control differs from ``g`` by its change alone and its alignment is measured as any equation's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from backprop_evo.training.methods.conversion import apply_equation
from backprop_evo.training.methods.learner import FreshChild, Learner, SiteLearner

Change = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class _ChangedGradient(SiteLearner):
    change: Change

    def learn(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        loss = SiteLearner.learn(self, x_BCHW, labels_B)
        self.change()
        return loss


def changed_gradient(child: FreshChild, change: Change) -> Learner:
    """Backpropagates, then lets ``change`` alter in place what lies in ``.grad`` of ``child.model``.

    ``change`` becomes part of a CUDA graph: it must not read a number from the device.
    """
    return _ChangedGradient(child, apply_equation(child.model, "g", seed=child.seed), change)


def gradients(model: nn.Module) -> list[Tensor]:
    """Those that the last backward pass left, in the order of the parameters."""
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
