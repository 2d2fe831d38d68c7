"""How far a method's updates point away from the true gradient, layer by layer.

Two moments of one step: the true gradient is taken before it, under plain backprop and without a trace
(BatchNorm's running statistics stay); after it, the gradients that the method left are compared. One more
forward and backward pass per measurement, nothing in between. Angles of feedback are those of Lillicrap et
al. 2016: between a layer's W and its R, both flattened.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.training.run.child import Child

log = logging.getLogger(__name__)

Gradients = Mapping[str, Tensor]


def interval(child: Child, asked: int) -> int:
    """Steps between measurements: ``asked``, or 0 (none), said in the log, for a method without sites."""
    if asked and not child.learner.sites:
        log.warning("alignment is not measured: the method has no sites")
        return 0
    return asked


def true_gradients(child: Child, x_BCHW: Tensor, labels_B: Tensor) -> Gradients:
    """The loss gradient of every layer's weight, by layer name, at the child's present weights."""
    layers = _layers(child)
    # A second forward pass must leave no trace, or a training that is measured would be another one.
    with child.learner.plain_backprop(), _without_trace(child.model):
        loss = child.loss(x_BCHW, labels_B)
        gradients = torch.autograd.grad(loss, [layer.weight for layer in layers.values()])
    return dict(zip(layers, gradients, strict=True))


def compare(child: Child, truth: Gradients, step: int) -> list[AlignmentPoint]:
    """One point per layer, from the gradients that the last step left.

    A layer whose gradient is NaN or infinite has no direction and no point.
    """
    sites = {site.name: site for site in child.learner.sites}
    points = []
    for name, layer in _layers(child).items():
        if layer.weight.grad is None or not _has_direction(layer.weight.grad, truth[name]):
            continue
        # Only equations that use R have a matrix that W could come to agree with.
        feedback_angle = None
        if name in sites and "R" in sites[name].rule.needs.matrices:
            feedback_angle = angle(layer.weight.detach(), sites[name].matrices.random(layer.weight.detach()))
        points.append(
            AlignmentPoint(
                step=step,
                site=name,
                update_angle=angle(layer.weight.grad, truth[name]),
                norm_ratio=_ratio(layer.weight.grad, truth[name]),
                feedback_angle=feedback_angle,
            )
        )
    return points


def angle(a: Tensor, b: Tensor) -> float:
    """Degrees between two tensors seen as vectors; 90 where one of them is zero."""
    # In float64: near 0° the cosine differs from 1 in its last digits.
    a, b = a.double().flatten(), b.double().flatten()
    norms = float(a.norm() * b.norm())
    if norms == 0:
        return 90.0
    # Rounding can make the cosine of parallel vectors a little more than 1.
    return math.degrees(math.acos(max(-1.0, min(1.0, float(a @ b) / norms))))


def _has_direction(update: Tensor, truth: Tensor) -> bool:
    return bool(update.isfinite().all() and truth.isfinite().all())


def _ratio(update: Tensor, truth: Tensor) -> float:
    norm = float(truth.double().norm())
    return float(update.double().norm()) / norm if norm > 0 else math.inf


def _layers(child: Child) -> dict[str, nn.Linear | nn.Conv2d]:
    return {
        name: module
        for name, module in child.model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }


@contextmanager
def _without_trace(model: nn.Module) -> Iterator[None]:
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        # The running averages stay, and the counter is a copy that is thrown away.
        norm.momentum = 0.0
        norm.num_batches_tracked = (
            None if norm.num_batches_tracked is None else norm.num_batches_tracked.clone()
        )
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked
