"""Layer-wise adaptive rates (LARS): every layer moves by the same share of its weights.

    gradient ← trust · ‖weight‖ / ‖gradient‖ · gradient          (You, Gitman & Ginsburg 2017)

for the weight of every linear and convolutional layer, the classifier's included. Biases and BatchNorm's γ
and β keep the plain gradient, as in common practice. Weight decay is left to the optimiser and stands in
neither norm, unlike in the paper, whose denominator is ‖gradient‖ + decay · ‖weight‖ and which scales the
decay with the gradient: this is a control for equations with a normalised gradient, whose decay is the
optimiser's too, and calibration and alignment see the gradient alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backprop_evo.training.methods.declaration import Declared, setting

if TYPE_CHECKING:
    from torch import Tensor

    from backprop_evo.training.methods.learner import FreshChild, Learner


@dataclass(frozen=True, slots=True)
class LayerwiseNormalisedSettings:
    """The default makes a first update about as large as plain backprop's in a WRN-10-1 (0.024 of the
    weights), so that an equal relative step gives biases and BatchNorm about the rate they have under ``g``.
    """

    trust: float = setting(
        "what share of its weight's norm a layer moves by at rate 1; with rates as relative steps it is what "
        "biases, BatchNorm and weight decay are smaller by",
        default=0.02,
        low=1e-9,
    )


def prepare(settings: LayerwiseNormalisedSettings, child: FreshChild) -> Learner:
    """Plain backprop whose layers' gradients take their weights' size."""
    from torch import nn

    from backprop_evo.training.methods.changed_gradient import changed_gradient

    layers = [module for module in child.model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]

    def change() -> None:
        for layer in layers:
            if layer.weight.grad is not None:
                layer.weight.grad.mul_(trust_ratio(layer.weight.detach(), layer.weight.grad, settings.trust))

    return changed_gradient(child, change)


def trust_ratio(weight: Tensor, gradient: Tensor, trust: float) -> Tensor:
    """``trust`` · ‖weight‖ / ‖gradient‖, a scalar; 1 where either norm is zero, as in common
    implementations. In float64, for squares of what float32 still holds may overflow.
    """
    import torch

    own, sent = (torch.linalg.vector_norm(each, dtype=torch.float64) for each in (weight, gradient))
    ratio: Tensor = (trust * own / sent).masked_fill((own == 0) | (sent == 0), 1.0)
    return ratio


METHOD = Declared(
    name="layerwise-normalised",
    title="Layer-wise normalised gradient",
    description="Plain backprop with every layer's gradient scaled to a share of its weight's norm: the "
    "control for equations that normalise the gradient.",
    source="You, Gitman & Ginsburg 2017 (arXiv:1708.03888)",
    settings=LayerwiseNormalisedSettings,
    text=lambda settings: f"layer-wise normalised gradient (trust {settings.trust:g})",
    is_control=True,
    prepare=prepare,
)
