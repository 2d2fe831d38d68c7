"""Synthetic gradients: every layer is updated by what a small model of its own predicts will arrive there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_evo.training.methods.declaration import Declared
from backprop_evo.training.methods.synthetic_gradients.settings import (
    SyntheticGradientSettings,
    described,
    fits,
)

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner


def prepare(settings: SyntheticGradientSettings, child: FreshChild) -> Learner:
    """The model converted; every M sees its layer's input alone."""
    from backprop_evo.training.methods.synthetic_gradients.learner import prepare

    return prepare(settings, child, conditioned=False)


METHOD = Declared(
    name="dni",
    title="Synthetic gradients",
    description="At every layer a small model predicts the signal from the layer's input, and learns from "
    "what the layer above, itself trained so, sends down.",
    source="Jaderberg et al. 2017 (arXiv:1608.05343)",
    settings=SyntheticGradientSettings,
    fits=fits,
    text=lambda settings: f"synthetic gradients ({described(settings)})",
    prepare=prepare,
)
