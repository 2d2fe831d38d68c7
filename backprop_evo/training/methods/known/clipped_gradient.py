"""Gradient clipping: by the norm over all parameters, by each value, or both (values first).

    gradient ← gradient · min(1, max_norm / ‖all gradients‖)          (Pascanu, Mikolov & Bengio 2013)

Weight decay is the optimiser's and is not clipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.methods.declaration import Declared, setting

if TYPE_CHECKING:
    from torch import Tensor

    from backprop_evo.training.methods.learner import FreshChild, Learner


@dataclass(frozen=True, slots=True)
class ClippedGradientSettings:
    """None is no limit. The default lies among the norms that plain backprop has in a short training of a
    WRN-10-1 (0.4 to 1.2, its median 0.6 to 0.8): most steps are clipped, and not all of them.
    """

    max_norm: float | None = setting(
        "the largest norm of the gradient of all parameters together; null for no limit",
        default=0.5,
        low=1e-9,
    )
    max_value: float | None = setting(
        "the largest magnitude of every entry, applied before the norm; null for no limit",
        default=None,
        low=1e-9,
    )


def check(settings: ClippedGradientSettings) -> None:
    """Raises InvalidSettings where nothing is clipped."""
    if settings.max_norm is None and settings.max_value is None:
        raise InvalidSettings(
            "clipped-gradient needs a max_norm or a max_value",
            field="method.settings.max_norm",
            hint="without either it is plain backprop, the equation g",
        )


def text(settings: ClippedGradientSettings) -> str:
    """With its bounds, so that two of them differ on a leaderboard."""
    limits = (("norm", settings.max_norm), ("value", settings.max_value))
    told = ", ".join(f"{name} {limit:g}" for name, limit in limits if limit is not None)
    return f"clipped gradient ({told})"


def prepare(settings: ClippedGradientSettings, child: FreshChild) -> Learner:
    """Plain backprop whose gradients are clipped before the update."""
    from backprop_evo.training.methods.changed_gradient import changed_gradient, gradients

    def change() -> None:
        clip_(gradients(child.model), settings)

    return changed_gradient(child, change)


def clip_(gradients: list[Tensor], settings: ClippedGradientSettings) -> None:
    """In place. The norm is taken in float64, for squares of what float32 still holds may overflow, and a
    norm of infinity would turn a large gradient into none.
    """
    import torch

    if settings.max_value is not None:
        torch._foreach_clamp_max_(gradients, settings.max_value)
        torch._foreach_clamp_min_(gradients, -settings.max_value)
    if settings.max_norm is not None:
        norms = [torch.linalg.vector_norm(each, dtype=torch.float64) for each in gradients]
        share = (settings.max_norm / torch.linalg.vector_norm(torch.stack(norms))).clamp(max=1.0)
        for each in gradients:
            each.mul_(share)


METHOD = Declared(
    name="clipped-gradient",
    title="Clipped gradient",
    description="Plain backprop whose gradient is clipped: the control for equations that clip or bound the "
    "signal.",
    source="Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063)",
    settings=ClippedGradientSettings,
    check=check,
    text=text,
    is_control=True,
    prepare=prepare,
)
