"""What a site sends down under synthetic gradients, and what its M learns from.

    sent   = M(h[, y]) ⊙ σ'              target of M = b_next · W, with b_next as it arrived

b_next is itself synthetic but at the top: the bootstrap. M works in units of one sample's loss: a batch's
mean loss makes gradients that are smaller by the number of samples, and would tie M's rate to the batch size.

Shapes: h, sent and target (B, *).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.training.meaning.rules import PLAIN_BACKPROP, Needs
from backprop_evo.training.meaning.site_view import SiteView, Transport
from backprop_evo.training.methods.synthetic_gradients.predictors import Predictor


@dataclass(slots=True, eq=False)
class Bootstrap:
    """The pass under way: its labels, and by site what was predicted there and what should have been."""

    method: str
    labels_B: Tensor | None = None
    predictions: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def begin(self, labels_B: Tensor | None) -> None:
        """Raises InvalidInput without labels."""
        if labels_B is None:
            raise InvalidInput(
                f"{self.method} needs the labels of the batch",
                hint="give them to learn(x, labels), as class numbers of shape (B,)",
            )
        self.labels_B = labels_B
        self.predictions.clear()

    def end(self) -> None:
        """No pass is under way."""
        self.labels_B = None

    def labels(self) -> Tensor:
        """(B,). Raises InvalidInput for a backward pass that ``begin`` did not announce."""
        if self.labels_B is None:
            raise InvalidInput(
                f"{self.method} has no labels for this backward pass: it was not begun by learn(x, labels)",
                hint="call learner.learn(x, labels) in place of loss.backward()",
            )
        return self.labels_B

    def add(self, site: str, predicted: Tensor, target: Tensor) -> None:
        """Raises InvalidSettings for a site that the pass has come by before."""
        if site in self.predictions:
            raise InvalidSettings(
                f"{self.method} predicts one signal for each layer, but {site} is called twice in one pass",
                field="model",
                hint="an equation trains layers that are called more than once: apply_equation(model, …)",
            )
        self.predictions[site] = predicted, target


@dataclass(slots=True, eq=False)
class PredictedSignal:
    """What stands in a rule's place at one site. M is made at the first pass, which shows what h is like."""

    site: str
    bootstrap: Bootstrap
    make: Callable[[Tensor], Predictor]
    backprop_share: float
    predictor: Predictor | None = None

    @property
    def needs(self) -> Needs:
        """As plain backprop, which makes the target."""
        return PLAIN_BACKPROP.needs

    @property
    def transport(self) -> Transport | None:
        """The target comes out of the call that makes the weight's gradient."""
        return PLAIN_BACKPROP.transport

    def __call__(self, view: SiteView) -> Tensor:
        """The signal at h_pre."""
        target, labels_B = view.through("W"), self.bootstrap.labels()
        h = view.h.detach()
        if self.predictor is None:
            self.predictor = self.make(h)
        with torch.enable_grad():
            predicted = self.predictor(h, labels_B)
        samples = len(h)
        self.bootstrap.add(self.site, predicted, target.to(predicted.dtype) * samples)
        sent = predicted.detach() / samples
        if self.backprop_share > 0:
            sent = sent.lerp(target.to(sent.dtype), self.backprop_share)
        return view.pull(sent.to(target.dtype), in_place=False)
