"""Accuracy on a split, with BatchNorm's statistics as training left them or estimated anew.

In a short training BatchNorm's running averages are half-grown and lag behind the weights, which is most of
what makes an early accuracy noisy: estimated anew on 1,024 training images before the evaluation, eight
equations ranked two seeds alike at .67 instead of .60, and with 5,000 validation images at .75. The images
are taken without augmentation, because the evaluated ones are, and they are the same for every equation and
seed, drawn once by a seed of their own, so that they add no noise to a comparison and a data set that is
sorted by class does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from backprop_evo.training.run.child import Child
from backprop_evo.training.run.resident import Resident

EVALUATION_BATCH = 500


def accuracy(child: Child, split: Resident) -> float:
    """Share of ``split`` that the child classifies rightly, in evaluation mode."""
    was_training = child.model.training
    child.model.eval()
    right = torch.zeros((), dtype=torch.long, device=child.device)
    with torch.no_grad():
        for x_BCHW, labels_B in split.in_order(EVALUATION_BATCH):
            right += (child.logits(x_BCHW).argmax(1) == labels_B).sum()
    child.model.train(was_training)
    return int(right) / len(split)


@contextmanager
def reestimated(child: Child, train: Resident, *, batches: int, batch_size: int) -> Iterator[None]:
    """Within the context BatchNorm's statistics are the plain mean over ``batches`` training batches.

    Forward only, in training mode; afterwards the training's own statistics are back, in the same tensors,
    so that a captured CUDA graph goes on with them. Nothing is drawn from the global generators. 0 batches,
    or a network without BatchNorm, leave everything as it is.
    """
    norms = [norm for norm in _batch_norms(child.model) if norm.track_running_stats]
    if batches == 0 or not norms:
        yield
        return
    before = [({n: b.clone() for n, b in norm.named_buffers()}, norm.momentum) for norm in norms]
    try:
        _estimate(child, norms, train, batches, batch_size)
        yield
    finally:
        for norm, (buffers, momentum) in zip(norms, before, strict=True):
            norm.momentum = momentum
            for name, buffer in norm.named_buffers():
                # Into the same tensor: a captured graph holds its address.
                buffer.copy_(buffers[name])


def _estimate(
    child: Child, norms: list[nn.modules.batchnorm._BatchNorm], train: Resident, batches: int, batch_size: int
) -> None:
    was_training = child.model.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch then takes the mean over all batches since
    child.model.train()
    # The same batches for every child, so that accuracies differ by the children alone.
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    places = order[: batches * batch_size].to(child.device)
    with torch.no_grad():
        for index_B in places.split(batch_size):
            # A short batch would count as much as a full one in the plain mean.
            if len(index_B) == batch_size:
                child.logits(train.prepared(index_B)[0])
    child.model.train(was_training)


def _batch_norms(model: nn.Module) -> Iterator[nn.modules.batchnorm._BatchNorm]:
    return (module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
