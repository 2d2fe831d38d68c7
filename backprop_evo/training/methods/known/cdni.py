"""Conditioned synthetic gradients: the small model at each layer sees the label too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_evo.training.methods.declaration import Declared
from backprop_evo.training.methods.synthetic_gradients.settings import ConditionedSettings, described, fits

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner


def prepare(settings: ConditionedSettings, child: FreshChild) -> Learner:
    """The model converted; every M sees its layer's input and the label."""
    from backprop_evo.training.methods.synthetic_gradients.learner import prepare

    return prepare(settings, child, conditioned=True)


METHOD = Declared(
    name="cdni",
    title="Conditioned synthetic gradients",
    description="At every layer a small model predicts the signal from the layer's input and the label, and "
    "learns from what the layer above, itself trained so, sends down.",
    source="Jaderberg et al. 2017 (arXiv:1608.05343)",
    settings=ConditionedSettings,
    fits=fits,
    text=lambda settings: f"conditioned synthetic gradients ({described(settings)})",
    prepare=prepare,
)
