"""Small networks under a method, with batches that depend on nothing: for tests of controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods import as_method
from backprop_evo.training.methods.learner import cross_entropy
from backprop_evo.training.models.build import build_model
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import Child

SHAPE, CLASSES, RATE = (3, 8, 8), 3, 0.1
SPEC = TrainSpec(model="wrn-10-1", optimizer="momentum", weight_decay=0.01)


def child_of(name: str, spec: TrainSpec = SPEC, seed: int = 0, **settings) -> Child:
    torch.manual_seed(seed)
    capability = choose("cpu", precision=spec.precision, images=False)
    method = as_method(name, settings)
    child = Child(method, spec, capability, image_shape=SHAPE, classes=CLASSES, seed=seed)
    child.set_rate(RATE)
    child.model.train()
    return child


def batches(count: int, dtype: torch.dtype = torch.float32) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x_BCHW = torch.randn(12, *SHAPE, generator=generator).to(dtype)
        yield x_BCHW, torch.randint(CLASSES, (12,), generator=generator)


def stepped(child: Child, count: int = 3) -> dict[str, Tensor]:
    """All parameters and running statistics after ``count`` steps."""
    for batch in batches(count, next(child.model.parameters()).dtype):
        child.step(*batch)
    return {name: value.detach().clone() for name, value in child.model.state_dict().items()}


def first_gradients(name: str, spec: TrainSpec = SPEC, seed: int = 0, **settings) -> dict[str, Tensor]:
    child = child_of(name, spec, seed, **settings)
    child.learner.learn(*next(batches(1)))
    return {name: p.grad for name, p in child.model.named_parameters() if p.grad is not None}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


Arrays = Mapping[str, np.ndarray]
Update = Callable[[Arrays, Arrays], Arrays]


def assert_two_steps_equal(name: str, by_hand: Update, model: str, **settings) -> None:
    """Two steps of a method in float64, with momentum and weight decay, against ``by_hand``, which makes an
    update from weights and true gradients; these are autograd's on an ordinary network.
    """
    child = child_of(name, replace(SPEC, model=model), **settings)
    child.model.double()
    torch.manual_seed(0)
    plain = build_model(model, image_shape=SHAPE, classes=CLASSES).double().train()
    velocity = {name: np.zeros(tuple(p.shape)) for name, p in plain.named_parameters()}
    for x_BCHW, labels_B in batches(2, torch.float64):
        child.step(x_BCHW, labels_B)
        plain.zero_grad()
        cross_entropy(plain(x_BCHW), labels_B).backward()
        weights = {name: p.detach().numpy().copy() for name, p in plain.named_parameters()}
        changed = by_hand(weights, {name: p.grad.numpy() for name, p in plain.named_parameters()})
        for name, p in plain.named_parameters():
            velocity[name] = 0.9 * velocity[name] + changed[name] + 0.01 * weights[name]
            p.data = torch.from_numpy(weights[name] - RATE * velocity[name])
    learnt, expected = (dict(each.named_parameters()) for each in (child.model, plain))
    torch.testing.assert_close(learnt, expected, rtol=1e-10, atol=1e-10)
