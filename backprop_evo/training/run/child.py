"""A child model under training: the network with its sites, the optimiser, and one step of both.

On a CUDA device the step is captured as a CUDA graph after a few eager steps (all real ones), the equation
inside: shapes are static because a short last batch is never trained on.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.meaning.feedback import Feedback
from backprop_evo.training.methods.conversion import Conversion, apply_equation
from backprop_evo.training.models.build import build_model
from backprop_evo.training.run.capability import Capability
from dsl.equation import Equation

EAGER_STEPS_BEFORE_CAPTURE = 3


class Child:
    """One network, one equation, one optimiser. ``step`` returns the loss before its update."""

    def __init__(
        self,
        equation: Equation,
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
        self.conversion: Conversion = apply_equation(
            model, equation, seed=seed, feedback=Feedback(spec.feedback)
        )
        self._rate = torch.zeros((), device=self.device)
        self._optimizer = self._make_optimizer(spec)
        self._captured: _CapturedStep | None = None
        self._eager_steps = 0

    def _make_optimizer(self, spec: TrainSpec) -> torch.optim.SGD:
        on_gpu = self._capability.cuda_graph
        return torch.optim.SGD(
            self.model.parameters(),
            lr=self._rate if on_gpu else 0.0,
            momentum=spec.momentum if spec.optimizer == "momentum" else 0.0,
            weight_decay=spec.weight_decay,
            fused=True if on_gpu else None,
        )

    def set_rate(self, rate: float) -> None:
        """The learning rate of the steps that follow."""
        if self._capability.cuda_graph:
            self._rate.fill_(rate)
        else:
            self._optimizer.param_groups[0]["lr"] = rate

    def step(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """One update of every parameter; the mean cross-entropy of the batch."""
        if not self._capability.cuda_graph:
            return self._eager_step(x_BCHW, labels_B)
        if self._captured is None:
            self._eager_steps += 1
            if self._eager_steps <= EAGER_STEPS_BEFORE_CAPTURE:
                return self._on_side_stream(x_BCHW, labels_B)
            self._captured = _CapturedStep(self._eager_step, x_BCHW, labels_B)
        return self._captured(x_BCHW, labels_B)

    def _eager_step(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        self._optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x_BCHW, labels_B)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def _on_side_stream(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            loss = self._eager_step(x_BCHW, labels_B)
        torch.cuda.current_stream(self.device).wait_stream(stream)
        return loss

    def loss(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy, in float32."""
        return F.cross_entropy(self.logits(x_BCHW).float(), labels_B)

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
        """Whether the last step's gradient is exactly zero everywhere below the top layer.

        The top layer is left out because its gradient never passes a site.
        """
        top = set(self.conversion.sites[-1].layer.parameters())
        gradients = [p.grad for p in self.model.parameters() if p not in top and p.grad is not None]
        return not any(bool(gradient.any()) for gradient in gradients)


class _CapturedStep:
    """A step as a CUDA graph with static inputs."""

    def __init__(self, step: Any, x_BCHW: Tensor, labels_B: Tensor) -> None:
        self._x_BCHW, self._labels_B = x_BCHW.clone(), labels_B.clone()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._loss: Tensor = step(self._x_BCHW, self._labels_B)

    def __call__(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        self._x_BCHW.copy_(x_BCHW)
        self._labels_B.copy_(labels_B)
        self._graph.replay()
        return self._loss.clone()
