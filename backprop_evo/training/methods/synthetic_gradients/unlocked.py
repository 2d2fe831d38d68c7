"""The fully unlocked form: no layer waits for the one below it either.

Before each Linear but the lowest a second small model, I, predicts from the network's input alone what will
arrive there, and the layer goes on with that. So every layer is trained by its own I and M, and by what its
neighbours did:

    layer   learns from M's prediction of its output's gradient
    I       learns from what the layer below made of its own predicted input
    M       learns from the gradient at the input of the layer above: the bootstrap

Shapes: B sample, C channel, H W space; h (B, I).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.training.methods.discovery import look_below_layers
from backprop_evo.training.methods.learner import FreshChild, Learner, cross_entropy
from backprop_evo.training.methods.separate_layers import require_separate_layers
from backprop_evo.training.methods.synthetic_gradients.learner import (
    Draws,
    Predictors,
    parameters_by_layer,
    seeded,
)
from backprop_evo.training.methods.synthetic_gradients.predictors import Predictor
from backprop_evo.training.methods.synthetic_gradients.settings import UnlockedSettings

NAME = "dni-unlocked"


@dataclass(slots=True, eq=False)
class Border:
    """What stands between the layers below a Linear and the Linear itself.

    In a pass ``below`` is what the layers below gave, ``above`` what the Linear got in its place;
    ``predicted`` is what I said, with I's graph.
    """

    layer: str
    make_m: Callable[[Tensor], Predictor]
    make_i: Callable[[Tensor, Tensor], Predictor]
    m: Predictor | None = None
    i: Predictor | None = None
    below: Tensor | None = None
    above: Tensor | None = None
    predicted: Tensor | None = None

    def cross(self, x_BF: Tensor, h: Tensor, true_input_share: float) -> Tensor:
        """What the Linear is given: a leaf, so that no gradient passes."""
        if self.m is None or self.i is None:
            self.m, self.i = self.make_m(h.detach()), self.make_i(x_BF, h.detach())
        self.below, self.predicted = h, self.i(x_BF)
        given = self.predicted.detach().to(h.dtype)
        if true_input_share > 0:
            given = given.lerp(h.detach(), true_input_share)
        self.above = given.requires_grad_()
        return self.above

    def clear(self) -> None:
        """Forgets the pass."""
        self.below = self.above = self.predicted = None


@dataclass(slots=True, eq=False)
class _Owner:
    """A small model as ``Predictors`` looks for it."""

    border: Border
    which: str

    @property
    def predictor(self) -> Predictor | None:
        return self.border.m if self.which == "M" else self.border.i


class UnlockedLearner(Learner):
    """The network with a hook before each Linear but the lowest, which does something in ``learn`` alone."""

    def __init__(self, settings: UnlockedSettings, child: FreshChild, names: Sequence[str]) -> None:
        self._settings, self._child = settings, child
        self.borders: Mapping[str, Border] = {name: self._border(name) for name in names}
        owners = {
            f"{which} {name}": _Owner(border, which)
            for name, border in self.borders.items()
            for which in "MI"
        }
        self.predictors = Predictors(owners, settings.rate, child.captured)
        generator = torch.Generator().manual_seed(child.seed)
        self.draws = Draws(parameters_by_layer(child.model), settings.update_probability, generator)
        self._x_BF: Tensor | None = None
        self._reached: list[Border] = []
        self._hooks = [
            child.model.get_submodule(name).register_forward_pre_hook(self._crossing(border))
            for name, border in self.borders.items()
        ]

    @property
    def repeats(self) -> bool:
        """Never: hooks of Python are run anew in every step."""
        return False

    def learn(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """The mean loss of the highest layer upon its predicted input. Steps every M and I. Raises
        InvalidInput without labels.
        """
        if labels_B is None:
            raise InvalidInput(
                f"{NAME} needs the labels of the batch",
                hint="give them to learn(x, labels), as class numbers of shape (B,)",
            )
        self._x_BF, self._reached = x_BCHW.detach().flatten(1), []
        try:
            loss = cross_entropy(self._child.logits(x_BCHW), labels_B)
        finally:
            self._x_BF = None
        loss.backward()
        predictions: dict[str, tuple[Tensor, Tensor]] = {}
        # From the top only because a share of plain backprop would have to wait; predictions need no order.
        for border in reversed(self._reached):
            predictions |= self._send_down(border, labels_B)
        for layer in self.draws.left_out():
            for parameter in self.draws.layers[layer]:
                parameter.grad = None
            predictions.pop(f"M {layer}", None)
            predictions.pop(f"I {layer}", None)
        self.predictors.step(predictions)
        return loss

    def first_gradients(self, x_BCHW: Tensor, labels_B: Tensor) -> None:
        """Plain backprop's: an M that has learnt nothing sends nothing, and there is no step to measure."""
        cross_entropy(self._child.logits(x_BCHW), labels_B).backward()

    def trained_below_top(self) -> Sequence[nn.Parameter]:
        """All but the highest Linear's; none under random updates, which leave out steps by chance."""
        if self.draws.probability < 1:
            return ()
        *_, top = self.borders
        highest = set(self._child.model.get_submodule(top).parameters())
        return [parameter for parameter in self._child.model.parameters() if parameter not in highest]

    def plain_backprop(self) -> AbstractContextManager[None]:
        """Outside of ``learn`` the network is whole."""
        return nullcontext()

    def undo(self) -> nn.Module:
        """The network without hooks. May be repeated."""
        for hook in self._hooks:
            hook.remove()
        return self._child.model

    def _border(self, name: str) -> Border:
        settings, child = self._settings, self._child
        classes = child.classes if settings.conditioned else None

        def make_m(h: Tensor) -> Predictor:
            # The words are those of ``dni``: the same M for the same layer and seed.
            return Predictor(
                h, settings, classes=classes, generator=seeded("synthetic gradient", child.seed, name)
            )

        def make_i(x_BF: Tensor, h: Tensor) -> Predictor:
            return Predictor(
                x_BF,
                settings.of_inputs,
                classes=None,
                generator=seeded("synthetic input", child.seed, name),
                features=h.shape[1],
            )

        return Border(name, make_m, make_i)

    def _crossing(self, border: Border) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Tensor] | None]:
        def cross(_layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor] | None:
            if self._x_BF is None:
                return None
            h: Tensor = inputs[0]
            # Small models are trained in float32, as those of ``dni`` are.
            with torch.autocast(h.device.type, enabled=False):
                given = border.cross(self._x_BF, h, self._settings.true_input_share)
            self._reached.append(border)
            return (given,)

        return cross

    def _send_down(self, border: Border, labels_B: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        below, above, foretold, m = border.below, border.above, border.predicted, border.m
        if below is None or above is None or above.grad is None or foretold is None or m is None:
            raise AssertionError(f"nothing has crossed the border below {border.layer}")
        samples, h = len(below), below.detach()
        predicted = m(h, labels_B)
        sent = predicted.detach() / samples
        if self._settings.backprop_share > 0:
            sent = sent.lerp(above.grad.to(sent.dtype), self._settings.backprop_share)
        below.backward(sent.to(below.dtype))
        arrived = above.grad.to(predicted.dtype) * samples
        border.clear()
        return {
            f"M {border.layer}": (predicted, arrived),
            f"I {border.layer}": (foretold, h.to(foretold.dtype)),
        }


def prepare(settings: UnlockedSettings, child: FreshChild) -> Learner:
    """Raises InvalidSettings for a model that is no perceptron of two layers at least."""
    model = child.model
    require_separate_layers(model, NAME)
    kinds = [type(module).__name__ for module in model.modules() if isinstance(module, nn.Conv2d)]
    surroundings = look_below_layers(model)
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    names = [name for name in linear if surroundings.nothing_below(name) is None]
    if kinds or not surroundings.traced or len(names) != len(linear) - 1 or not names:
        raise InvalidSettings(
            f"{NAME} needs a perceptron: Linear layers in a row, at least two, and no convolutions",
            field="model",
            hint="dni and cdni train convolutional and residual networks",
        )
    return UnlockedLearner(settings, child, names)
