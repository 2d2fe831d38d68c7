"""Fully unlocked synthetic gradients: a layer's input is predicted too, so that none waits for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_evo.training.methods.declaration import Declared
from backprop_evo.training.methods.synthetic_gradients.settings import (
    UnlockedSettings,
    described_unlocked,
    fits_perceptrons,
)

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner


def prepare(settings: UnlockedSettings, child: FreshChild) -> Learner:
    """The model with an M and an I at each layer but the lowest."""
    from backprop_evo.training.methods.synthetic_gradients.unlocked import prepare

    return prepare(settings, child)


METHOD = Declared(
    name="dni-unlocked",
    title="Fully unlocked synthetic gradients",
    description="At every layer one small model predicts the signal from the layer's input, and another "
    "predicts that input from the network's, so that no layer waits for another in either direction.",
    source="Jaderberg et al. 2017 (arXiv:1608.05343)",
    settings=UnlockedSettings,
    fits=fits_perceptrons,
    text=lambda settings: f"fully unlocked synthetic gradients ({described_unlocked(settings)})",
    prepare=prepare,
)
