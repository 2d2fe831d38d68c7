"""Training by synthetic gradients: one backward pass, in which every site sends down what its M predicts,
then one step of all M towards what arrived.

Shapes: B sample, C channel, H W space.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from backprop_evo.training.methods.conversion import apply_equation
from backprop_evo.training.methods.learner import FreshChild, Learner, SiteLearner, cross_entropy
from backprop_evo.training.methods.separate_layers import require_separate_layers
from backprop_evo.training.methods.synthetic_gradients.predicted_signal import Bootstrap, PredictedSignal
from backprop_evo.training.methods.synthetic_gradients.predictors import Predictor
from backprop_evo.training.methods.synthetic_gradients.settings import SyntheticGradientSettings


class Owner(Protocol):
    """Who has a small model, once a pass has shown what it is to be like."""

    @property
    def predictor(self) -> Predictor | None:
        """None before."""


@dataclass(slots=True, eq=False)
class Predictors:
    """The small models, each with its owner, under their own Adam. They are no part of the network."""

    rules: Mapping[str, Owner]
    rate: float
    captured: bool
    _known: set[str] = field(default_factory=set)
    _optimizer: torch.optim.Adam | None = None

    def step(self, predictions: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """One step of each M that predicted, towards its target, by the squared distance of a sample."""
        if not predictions:
            return
        optimizer = self._with(predictions)
        optimizer.zero_grad(set_to_none=True)
        losses = [
            (predicted - target).square().sum() / len(target) for predicted, target in predictions.values()
        ]
        # One backward pass for all: no M shares a graph with another.
        torch.stack(losses).sum().backward()
        optimizer.step()

    def _with(self, predictions: Mapping[str, tuple[Tensor, Tensor]]) -> torch.optim.Adam:
        """The optimiser, which a site joins when it has predicted for the first time."""
        fresh = [name for name in predictions if name not in self._known]
        self._known.update(fresh)
        models = [self.rules[name].predictor for name in fresh]
        parameters = [parameter for model in models if model is not None for parameter in model.parameters()]
        if self._optimizer is None:
            self._optimizer = torch.optim.Adam(parameters, lr=self.rate, fused=True, capturable=self.captured)
        elif parameters:
            self._optimizer.add_param_group({"params": parameters})
        return self._optimizer


@dataclass(slots=True, eq=False)
class Draws:
    """Which layers are updated in a step: each with ``probability``, by itself."""

    layers: Mapping[str, Sequence[nn.Parameter]]
    probability: float
    generator: torch.Generator

    def left_out(self) -> list[str]:
        """The layers that stay as they are in this step."""
        if self.probability >= 1:
            return []
        drawn = torch.rand(len(self.layers), generator=self.generator) < self.probability
        return [name for name, updated in zip(self.layers, drawn.tolist(), strict=True) if not updated]


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticGradientLearner(SiteLearner):
    """A converted network whose sites' rules predict."""

    bootstrap: Bootstrap
    predictors: Predictors
    draws: Draws

    @property
    def repeats(self) -> bool:
        """Random updates leave out other layers in every step."""
        return self.draws.probability >= 1

    def learn(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """The mean loss. Steps every M. Raises InvalidInput without labels."""
        self.bootstrap.begin(labels_B)
        try:
            loss = SiteLearner.learn(self, x_BCHW, labels_B)
        finally:
            self.bootstrap.end()
        predictions = self.bootstrap.predictions
        for layer in self.draws.left_out():
            # Without a gradient a parameter stays as it is, momentum and decay included.
            for parameter in self.draws.layers[layer]:
                parameter.grad = None
            predictions.pop(layer, None)
        self.predictors.step(predictions)
        return loss

    def first_gradients(self, x_BCHW: Tensor, labels_B: Tensor) -> None:
        """Plain backprop's: an M that has learnt nothing sends nothing, and there is no step to measure."""
        with self.plain_backprop():
            cross_entropy(self.child.logits(x_BCHW), labels_B).backward()

    def trained_below_top(self) -> Sequence[nn.Parameter]:
        """All but those of the highest site; none under random updates, which leave out steps by chance."""
        return SiteLearner.trained_below_top(self) if self.repeats else ()


def prepare(settings: SyntheticGradientSettings, child: FreshChild, *, conditioned: bool) -> Learner:
    """The model converted, an M at every site; ``conditioned`` ones see the labels."""
    name = "cdni" if conditioned else "dni"
    require_separate_layers(child.model, name)
    conversion = apply_equation(child.model, "g", seed=child.seed)
    bootstrap = Bootstrap(name)
    classes = child.classes if conditioned else None
    rules = {}
    for site in conversion.sites:
        make = _maker(site.name, settings, classes, child.seed)
        rules[site.name] = PredictedSignal(site.name, bootstrap, make, settings.backprop_share)
        site.rule = rules[site.name]
    return SyntheticGradientLearner(
        child,
        conversion,
        bootstrap,
        Predictors(rules, settings.rate, child.captured),
        Draws(
            parameters_by_layer(child.model),
            settings.update_probability,
            torch.Generator().manual_seed(child.seed),
        ),
    )


def _maker(
    site: str, settings: SyntheticGradientSettings, classes: int | None, seed: int
) -> Callable[[Tensor], Predictor]:
    def make(h: Tensor) -> Predictor:
        generator = seeded("synthetic gradient", seed, site)
        return Predictor(h, settings, classes=classes, generator=generator)

    return make


def seeded(purpose: str, seed: int, site: str) -> torch.Generator:
    """By name: a site's small model is the same whatever other sites there are."""
    digest = hashlib.sha256(f"{purpose} {seed} {site}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def parameters_by_layer(model: nn.Module) -> Mapping[str, Sequence[nn.Parameter]]:
    """Every parameter with the Linear or Conv2d that it follows: BatchNorm goes with the layer before it."""
    found: dict[str, list[nn.Parameter]] = {}
    layer = ""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            layer = name
        found.setdefault(layer, []).extend(module.parameters(recurse=False))
    return {name: parameters for name, parameters in found.items() if parameters}
