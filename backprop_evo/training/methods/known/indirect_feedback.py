"""Indirect feedback alignment: the error enters at the lowest layer and the forward weights carry it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods.declaration import Declared, NoSettings, refuse_all_but_perceptrons

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner


def fits(settings: NoSettings, train: TrainSpec) -> None:
    """Refuses a model that is known to be no plain chain; of others the first backward pass will tell."""
    del settings
    need = "indirect feedback needs a plain chain of layers"
    refuse_all_but_perceptrons(train, need, example="mlp-64-32")


def prepare(settings: NoSettings, child: FreshChild) -> Learner:
    """The model converted, its lowest layer fed by the fixed random matrix."""
    from backprop_evo.training.methods.indirect_feedback import apply_indirect_feedback
    from backprop_evo.training.methods.learner import SiteLearner

    del settings
    return SiteLearner(child, apply_indirect_feedback(child.model, seed=child.seed))


METHOD = Declared(
    name="indirect-feedback",
    title="Indirect feedback alignment",
    description="A fixed random matrix brings the output's error to the lowest layer, from where the "
    "network's own weights carry it up.",
    source="Nøkland 2016 (arXiv:1609.01596)",
    text=lambda _: "indirect feedback alignment",
    fits=fits,
    prepare=prepare,
)
