"""Indirect feedback alignment against its formula, and its refusal of anything but a chain."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.training import apply_indirect_feedback
from backprop_evo.training.models.build import build_model


def test_it_equals_the_formula_on_a_chain():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3)
    ).double()
    x, y = torch.randn(7, 6, dtype=torch.float64), torch.randint(3, (7,))
    converted = apply_indirect_feedback(model)
    for _ in range(2):
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
    W1, c1, W2, c2, W3, c3, W4, c4 = (p.detach() for p in model.parameters())
    h1 = torch.tanh(x @ W1.T + c1)
    a2 = h1 @ W2.T + c2
    a3 = a2.relu() @ W3.T + c3
    e = (F.softmax(a3.relu() @ W4.T + c4, 1) - F.one_hot(y, 3)) / 7
    B1 = converted.sites[0].matrices.from_top(3, h1)
    d1 = (e @ B1) * (1 - h1**2)
    d2 = (d1 @ W2.T) * (a2 > 0)
    d3 = (d2 @ W3.T) * (a3 > 0)
    expected = [
        d1.T @ x,
        d1.sum(0),
        d2.T @ h1,
        d2.sum(0),
        d3.T @ a2.relu(),
        d3.sum(0),
        e.T @ a3.relu(),
        e.sum(0),
    ]
    for p, by_hand in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, by_hand, rtol=1e-10, atol=1e-10)


def test_undo_takes_the_hooks_away():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    apply_indirect_feedback(model).undo()
    assert not model[2]._forward_pre_hooks
    assert "forward" not in model[2].__dict__


def test_a_model_that_is_no_chain_is_refused():
    model = build_model("wrn-10-1", image_shape=(3, 8, 8), classes=3)
    apply_indirect_feedback(model)
    with pytest.raises(InvalidSettings, match="plain chain"):
        F.cross_entropy(model(torch.randn(2, 3, 8, 8)), torch.tensor([0, 1])).backward()
