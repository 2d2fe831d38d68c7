"""Training by the HSIC bottleneck: a loss for each stage, then perhaps a format layer.

In the phase ``stages`` the graph is cut before every stage, all losses of a batch are made in one go and one
backward pass brings each to its own stage. In the phase ``format`` the body is frozen and the output layer
learns by cross-entropy. With several widths σ there is a network for each, and their outputs are averaged.

Shapes: B sample, C channel, H W space, K classes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.training.methods.hsic.dependence import stage_losses
from backprop_evo.training.methods.hsic.readout import Readout
from backprop_evo.training.methods.hsic.settings import HsicSettings
from backprop_evo.training.methods.hsic.stages import Cuts, stage_modules
from backprop_evo.training.methods.learner import FreshChild, Learner, Phase, cross_entropy
from backprop_evo.training.methods.separate_layers import require_separate_layers

STAGES = Phase("stages", classifies=False)
FORMAT = Phase("format")


@dataclass(slots=True, eq=False)
class _Net:
    """One network of one width, with what the learner hung on it."""

    model: nn.Module
    output: nn.Linear
    cuts: Cuts
    readout: Readout
    sigma: float


class HsicLearner(Learner):
    """The first net is the child's own. Those of other widths and the readouts hang on its output layer,
    where the child's optimiser and its estimates of BatchNorm find them.
    """

    def __init__(self, settings: HsicSettings, child: FreshChild) -> None:
        require_separate_layers(child.model, "the HSIC bottleneck")
        output = _output_layer(child)
        self._settings, self._child, self._phase = settings, child, STAGES
        models = [child.model, *(copy.deepcopy(child.model) for _ in settings.sigmas[1:])]
        self._nets = [_net(model, sigma, child) for model, sigma in zip(models, settings.sigmas, strict=True)]
        self._body = [p for net in self._nets for p in net.model.parameters() if not _is_of(p, net.output)]
        self._heads = [p for net in self._nets for p in net.output.parameters()]
        # Hung up last: what is copied or counted above is the network alone.
        output.add_module("readouts", nn.ModuleList(net.readout for net in self._nets))
        output.add_module("other_widths", nn.ModuleList(models[1:]))
        self._hook = child.model.register_forward_hook(self._read)
        self._outputs: list[Tensor] | None = None
        # Of its own, because the rate of the stages is in another unit.
        self._format_optimizer = torch.optim.SGD(self._heads, lr=settings.format_rate, momentum=0.9)

    @property
    def repeats(self) -> bool:
        """A Cholesky factorisation on a GPU makes the host wait, which no CUDA graph can hold."""
        return False

    def phase_at(self, step: int, steps: int) -> Phase:
        """``format`` for the last ``format_share`` of the steps."""
        return STAGES if step < steps - round(self._settings.format_share * steps) else FORMAT

    def begin(self, phase: Phase) -> None:
        """Freezes the body, and gives the output layers the order of the classes, where ``format`` begins."""
        if phase == FORMAT and self._phase == STAGES:
            self._let_learn(False)
            for net in self._nets:
                net.readout.fold_into(net.output)
        self._phase = phase

    def learn(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """The sum of all stages' losses, or the cross-entropy of the output. Raises InvalidInput for a batch
        of one.
        """
        if self._phase == FORMAT:
            return self._learn_format(x_BCHW, labels_B)
        if len(x_BCHW) < 2:
            raise InvalidInput(
                "the HSIC bottleneck compares the samples of a batch, and this one has a single sample",
                hint="use batches of at least 2; 256 is the published size",
            )
        total = torch.zeros((), device=x_BCHW.device)
        for net, ends in zip(self._nets, self._ends(x_BCHW), strict=True):
            net.readout.remember(ends[-1].detach(), labels_B)
            losses_L, gradients = stage_losses(
                ends,
                x_BCHW,
                labels_B,
                classes=self._child.classes,
                sigma=net.sigma,
                beta=self._settings.beta,
            )
            torch.autograd.backward(ends, gradients)
            total = total + losses_L.sum()
        return total

    def trained_below_top(self) -> Sequence[nn.Parameter]:
        """All but the output layers', while the stages are trained."""
        return self._body if self._phase == STAGES else ()

    @contextmanager
    def plain_backprop(self) -> Iterator[None]:
        """Within, the body learns and nothing is cut."""
        self._let_learn(True)
        try:
            yield
        finally:
            self._let_learn(self._phase == STAGES)

    def undo(self) -> nn.Module:
        """The network of the first width, its output in the order of the classes. May be repeated."""
        first = self._nets[0]
        if first.cuts.is_on:
            if self._phase == STAGES:
                first.readout.fold_into(first.output)
            self._let_learn(True)
            self._hook.remove()
            for net in self._nets:
                net.cuts.remove()
            del first.output.readouts, first.output.other_widths
        return first.model

    def _ends(self, x_BCHW: Tensor) -> list[list[Tensor]]:
        """The end of every stage of every net; the last is the activation of the output."""
        self._outputs = []
        try:
            with _all_recording([net.cuts for net in self._nets]) as recorded:
                self._child.logits(x_BCHW)
            outputs = self._outputs
        finally:
            self._outputs = None
        ends = [
            [*below, net.readout.activation(output.float() if output.dtype == torch.bfloat16 else output)]
            for net, below, output in zip(self._nets, recorded, outputs, strict=True)
        ]
        for net, own in zip(self._nets, ends, strict=True):
            net.cuts.check_apart(own)
        return ends

    def _learn_format(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        self._format_optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(self._child.logits(x_BCHW), labels_B)
        loss.backward()
        self._format_optimizer.step()
        # Its step is done: the child's optimiser must not take another, at the rate of the stages.
        self._format_optimizer.zero_grad(set_to_none=True)
        return loss

    def _read(self, _: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        outputs = [output, *(net.model(*args) for net in self._nets[1:])]
        if self._outputs is not None:
            self._outputs += outputs
            return output
        if self._phase == STAGES:
            outputs = [net.readout.logits(each) for net, each in zip(self._nets, outputs, strict=True)]
        return torch.stack(outputs).mean(0)

    def _let_learn(self, wanted: bool) -> None:
        for parameter in self._body:
            parameter.requires_grad_(wanted)


@contextmanager
def _all_recording(cuts: Sequence[Cuts]) -> Iterator[list[list[Tensor]]]:
    with ExitStack() as stack:
        yield [stack.enter_context(each.recording()) for each in cuts]


def _net(model: nn.Module, sigma: float, child: FreshChild) -> _Net:
    modules = stage_modules(model)
    output = modules[-1][1]
    assert isinstance(output, nn.Linear), "as the child's own, which was checked"
    readout = Readout(child.classes, child.device, output.weight.dtype)
    return _Net(model, output, Cuts(model, modules), readout, sigma)


def _is_of(parameter: nn.Parameter, layer: nn.Module) -> bool:
    return any(parameter is own for own in layer.parameters())


def _output_layer(child: FreshChild) -> nn.Linear:
    """Raises InvalidSettings where the model does not end in a Linear with a unit for each class."""
    modules = stage_modules(child.model)
    last = modules[-1][1] if modules else None
    if not isinstance(last, nn.Linear) or last.out_features != child.classes or last.bias is None:
        raise InvalidSettings(
            "the HSIC bottleneck needs a model that ends in a Linear with a bias and "
            f"{child.classes} outputs, one for each class; {type(child.model).__name__} ends in {last}",
            field="model",
            hint="add such a layer as the last one that the model registers",
        )
    if len(modules) < 2:
        raise InvalidSettings(
            "the HSIC bottleneck trains the stages of a network, and this one is a single layer",
            field="model",
            hint="use a model with hidden layers, such as mlp-256-256-bn",
        )
    return last


def prepare(settings: HsicSettings, child: FreshChild) -> Learner:
    """The network with its stages cut apart."""
    return HsicLearner(settings, child)
