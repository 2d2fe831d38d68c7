"""A child model under training: the network, its method's learner, the optimiser, and one step of them.

On a CUDA device the step is captured as a CUDA graph after a few eager steps (all real ones) of each phase,
the method inside: shapes are static because a short last batch is never trained on.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods.learner import FreshChild, Learner, Phase, cross_entropy
from backprop_evo.training.methods.registry import method_of
from backprop_evo.training.models.build import build_model
from backprop_evo.training.run.capability import Capability
from backprop_evo.training.run.descent import Descent, Group

# As torch recommends: the optimiser makes its buffers and cuDNN chooses its kernels before anything is
# recorded.
EAGER_STEPS_BEFORE_CAPTURE = 3


class Child:
    """One network, one method, one optimiser. ``step`` returns the loss before its update.

    Raises InvalidSettings and InvalidEquation as ``method_of`` does.
    """

    def __init__(
        self,
        method: MethodSpec,
        spec: TrainSpec,
        capability: Capability,
        *,
        image_shape: tuple[int, int, int],
        classes: int,
        seed: int,
    ) -> None:
        self.device = torch.device(capability.device)
        self._capability = capability
        model = build_model(spec.model, image_shape=image_shape, classes=classes).to(self.device)
        if capability.channels_last:
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model: nn.Module = model
        self.phase: Phase | None = None
        self.learner: Learner = method_of(method).prepare(
            FreshChild(
                model=model,
                logits=self.logits,
                spec=spec,
                classes=classes,
                seed=seed,
                device=self.device,
                captured=capability.cuda_graph,
            )
        )
        self._rate, self._classifier_rate = (torch.zeros((), device=self.device) for _ in range(2))
        self._kept = torch.ones((), device=self.device)
        self._spec = spec
        self._optimizer = self._make_optimizer(spec)
        self._captured: _CapturedStep | None = None
        self._eager_steps = 0

    def _make_optimizer(self, spec: TrainSpec) -> Descent:
        on_gpu = self._capability.cuda_graph
        last = set(_last_linear(self.model).parameters()) if spec.classifier_rate is not None else set()
        groups = [[p for p in self.model.parameters() if p not in last], list(last)]
        return Descent(
            # A captured step reads the rate from a tensor, which can change; a number would be frozen into
            # the graph.
            [
                Group(group, rate if on_gpu else 0.0)
                for group, rate in zip(groups, (self._rate, self._classifier_rate), strict=True)
                if group
            ],
            momentum=spec.momentum if spec.optimizer == "momentum" else 0.0,
            weight_decay=spec.weight_decay if spec.decay == "coupled" else 0.0,
            fused=True if on_gpu else None,
        )

    def set_rate(self, rate: float, course: float = 1.0) -> None:
        """The learning rate of the steps that follow: ``rate`` times the schedule's ``course``."""
        rates = rate * course, (self._spec.classifier_rate or 0.0) * course
        # Decay follows the schedule, not the rate.
        self._kept.fill_(1 - self._spec.weight_decay * course)
        if self._capability.cuda_graph:
            self._rate.fill_(rates[0])
            self._classifier_rate.fill_(rates[1])
        else:
            for group, each in zip(self._optimizer.groups, rates, strict=False):
                group.rate = each

    def begin(self, phase: Phase) -> None:
        """The steps that follow belong to ``phase``, and are captured anew."""
        self.learner.begin(phase)
        # What is trained changed, and a graph repeats what it recorded.
        self.phase, self._captured, self._eager_steps = phase, None, 0

    @property
    def classifies(self) -> bool:
        """Whether ``step`` answers the output's cross-entropy."""
        return self.phase is None or self.phase.classifies

    def step(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """One update of what the phase trains; the batch's loss, as ``Learner.learn`` has it."""
        if not (self._capability.cuda_graph and self.learner.repeats):
            return self._eager_step(x_BCHW, labels_B)
        if self._captured is None:
            self._eager_steps += 1
            if self._eager_steps <= EAGER_STEPS_BEFORE_CAPTURE:
                return self._on_side_stream(x_BCHW, labels_B)
            self._captured = _CapturedStep(self._eager_step, x_BCHW, labels_B)
        return self._captured(x_BCHW, labels_B)

    def _eager_step(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        # What a phase does not train then stays as it is, weight decay included.
        self._optimizer.forget_gradients()
        loss = self.learner.learn(x_BCHW, labels_B)
        self.update()
        return loss.detach()

    def first_gradients(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor | None:
        """Leaves in ``.grad`` what ``Learner.first_gradients`` says; the loss where ``update`` would then
        make the first step of it.
        """
        loss = self.learner.first_gradients(x_BCHW, labels_B)
        # What precedes a capture belongs beside the default stream, and such a step costs next to nothing.
        return None if loss is None or self._capability.cuda_graph else loss.detach()

    def update(self) -> None:
        """Moves the weights by the gradients that are there."""
        if self._spec.decay == "decoupled":
            self._shrink()
        self._optimizer.step()

    def _shrink(self) -> None:
        trained: list[Tensor] = [each for each in self.model.parameters() if each.grad is not None]
        with torch.no_grad():
            torch._foreach_mul_(trained, self._kept)

    def _on_side_stream(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        # torch wants the steps before a capture beside the default stream.
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            loss = self._eager_step(x_BCHW, labels_B)
        torch.cuda.current_stream(self.device).wait_stream(stream)
        return loss

    def loss(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy of the output, in float32, whatever the method minimises."""
        return cross_entropy(self.logits(x_BCHW), labels_B)

    def logits(self, x_BCHW: Tensor) -> Tensor:
        """The network's output (B, K) in the spec's precision."""
        with self._autocast():
            logits_BK: Tensor = self.model(x_BCHW)
        return logits_BK

    def _autocast(self) -> Any:
        if self._capability.precision == "float32":
            return nullcontext()
        # The cache of cast weights must not outlive a captured graph.
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, cache_enabled=not self._capability.cuda_graph
        )

    def signal_is_zero(self) -> bool:
        """Whether the last step's gradient is exactly zero everywhere below the top layer; never so for a
        method that trains nothing there.
        """
        watched = self.learner.trained_below_top()
        gradients = [parameter.grad for parameter in watched if parameter.grad is not None]
        return bool(watched) and not any(bool(gradient.any()) for gradient in gradients)


def _last_linear(model: nn.Module) -> nn.Linear:
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


class _CapturedStep:
    """A step as a CUDA graph with static inputs."""

    def __init__(self, step: Any, x_BCHW: Tensor, labels_B: Tensor) -> None:
        # The graph reads these places in memory for ever; each batch is copied into them.
        self._x_BCHW, self._labels_B = x_BCHW.clone(), labels_B.clone()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._loss: Tensor = step(self._x_BCHW, self._labels_B)

    def __call__(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        self._x_BCHW.copy_(x_BCHW)
        self._labels_B.copy_(labels_B)
        self._graph.replay()
        # The next replay overwrites it, and losses are read some steps later.
        return self._loss.clone()
