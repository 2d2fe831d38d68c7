"""Feedback alignment through one fixed random matrix that all layers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods.declaration import Declared, refuse_all_but_perceptrons, setting

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner


@dataclass(frozen=True, slots=True)
class SharedFeedbackSettings:
    """Whether each layer gets its part of the error from the matrix, or the lowest alone."""

    path: str = setting(
        "direct: the error goes to every layer; indirect: to the lowest, and up from there",
        default="direct",
        choices=("direct", "indirect"),
    )


def fits(settings: SharedFeedbackSettings, train: TrainSpec) -> None:
    """Refuses a model that is known to be no perceptron."""
    del settings
    need = "one shared matrix is cut by the widths of a perceptron's layers"
    refuse_all_but_perceptrons(train, need, example="mlp-64-64")


def prepare(settings: SharedFeedbackSettings, child: FreshChild) -> Learner:
    """The model converted, all its sites with one matrix from the output."""
    from backprop_evo.training.methods.learner import SiteLearner
    from backprop_evo.training.methods.shared_feedback import apply_shared_feedback

    indirect = settings.path == "indirect"
    return SiteLearner(child, apply_shared_feedback(child.model, indirect=indirect, seed=child.seed))


METHOD = Declared(
    name="shared-feedback",
    title="Feedback through one shared matrix",
    description="One fixed random matrix brings the output's error to all layers, each of which takes as "
    "many of its columns as it has units, or to the lowest alone.",
    source="Launay et al. 2020 (arXiv:2006.12878); Nøkland 2016 (arXiv:1609.01596)",
    settings=SharedFeedbackSettings,
    fits=fits,
    text=lambda settings: f"{settings.path} feedback through one shared matrix",
    prepare=prepare,
)
