"""The steps of descent: those of torch's own class, bit for bit."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from torch import Tensor

from backprop_evo.training.run.descent import Descent, Group

RATES = (0.1, 0.02)
#: Of the gradients of three parameters in five steps; None where a phase trains something else.
TRAINED = ((1, 1, 1), (1, 0, 1), (0, 1, 0), (0, 0, 0), (1, 1, 1))


def parameters() -> list[list[Tensor]]:
    """Of two groups."""
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(*shape, generator=generator).requires_grad_() for shape in ((4, 3), (4,), (2, 4))]
    return [made[:2], made[2:]]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("fused", [None, True])
def test_its_steps_are_those_of_the_class_of_torch(
    momentum: float, weight_decay: float, fused: bool | None
) -> None:
    ours, theirs = parameters(), parameters()
    descent = Descent([Group(each, 0.0) for each in ours], momentum, weight_decay, fused=fused)
    oracle = torch.optim.SGD(
        [{"params": each} for each in theirs],
        lr=0.0,
        momentum=momentum,
        weight_decay=weight_decay,
        fused=fused,
    )
    generator = torch.Generator().manual_seed(1)
    for step, trained in enumerate(TRAINED):
        descent.forget_gradients()
        oracle.zero_grad(set_to_none=True)
        for group, their_group, rate in zip(descent.groups, oracle.param_groups, RATES, strict=True):
            group.rate = their_group["lr"] = rate / (step + 1)
        pairs = list(zip(chain(*ours), chain(*theirs), strict=True))
        assert all(one.grad is None for one, _ in pairs)
        for (one, other), has_gradient in zip(pairs, trained, strict=True):
            if has_gradient:
                one.grad = torch.randn(one.shape, generator=generator)
                other.grad = one.grad.clone()
        before = [one.detach().clone() for one, _ in pairs]
        descent.step()
        oracle.step()
        assert all(torch.equal(one, other) for one, other in pairs)
        moved = [not torch.equal(one, old) for (one, _), old in zip(pairs, before, strict=True)]
        assert moved == [bool(each) for each in trained]
