"""Plain backprop disturbed far below what can matter: what differs between it and ``g`` is chance.

    gradient ← gradient ⊙ (1 + disturbance · N)

N is standard normal, drawn once for every parameter from (seed, number, name of the parameter), so that a
placebo is deterministic, draws nothing from the training's own randomness, and needs no generator inside a
CUDA graph. Rounding grows the difference from step to step until the trajectories have nothing but their
distribution in common.

The gradient is disturbed and not the signal, because in bf16 a signal is rounded to 0.4 % and would
swallow the disturbance; gradients of parameters are float32 in either precision.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backprop_evo.training.methods.declaration import Declared, setting

if TYPE_CHECKING:
    from torch import Tensor

    from backprop_evo.training.methods.learner import FreshChild, Learner


@dataclass(frozen=True, slots=True)
class PlaceboSettings:
    """Which placebo, and how far it is from plain backprop."""

    number: int = setting(
        "which placebo: another number is another method of the same kind", default=0, low=0
    )
    disturbance: float = setting(
        "the disturbance of every gradient as a share of it; below 1e-7 float32 rounds it away",
        default=1e-6,
        low=0.0,
        high=1e-3,
    )


def prepare(settings: PlaceboSettings, child: FreshChild) -> Learner:
    """Plain backprop whose gradients are multiplied by factors next to 1."""
    from backprop_evo.training.methods.changed_gradient import changed_gradient

    factors = {
        parameter: 1 + settings.disturbance * normal_like(parameter, f"{child.seed} {settings.number} {name}")
        for name, parameter in child.model.named_parameters()
    }

    def change() -> None:
        for parameter, factor in factors.items():
            if parameter.grad is not None:
                parameter.grad.mul_(factor)

    return changed_gradient(child, change)


def normal_like(parameter: Tensor, name: str) -> Tensor:
    """Standard normal entries that depend on ``name`` alone, shaped, placed, typed and laid out as
    ``parameter``.
    """
    import torch

    seed = int.from_bytes(hashlib.sha256(f"placebo {name}".encode()).digest()[:8], "big") >> 1
    drawn = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed))
    return torch.empty_like(parameter, requires_grad=False).copy_(drawn)


METHOD = Declared(
    name="placebo",
    title="Placebo",
    description="Plain backprop disturbed by about a millionth: what differs between the two is chance.",
    source="ours",
    settings=PlaceboSettings,
    text=lambda settings: f"placebo {settings.number}",
    is_control=True,
    is_placebo=True,
    prepare=prepare,
)
