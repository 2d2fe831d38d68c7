"""The documented example: its hand-written rule is feedback alignment as the sites compute it, and it
learns.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backprop_evo.training import apply_equation

EXAMPLE = Path(__file__).parents[2] / "examples" / "mnist_feedback_alignment.py"


@pytest.fixture
def example():
    spec = importlib.util.spec_from_file_location("mnist_feedback_alignment", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_update_by_hand_equals_one_by_apply_equation(example):
    rng = np.random.default_rng(0)
    network = example.Network(rng)
    x, labels = rng.random((8, 784), np.float32), rng.integers(0, 10, 8)
    layers = [nn.Linear(n, m) for n, m in zip(example.WIDTHS, example.WIDTHS[1:], strict=False)]
    with torch.no_grad():
        for layer, W, c in zip(layers, network.W, network.c, strict=True):
            layer.weight.copy_(torch.from_numpy(W.T))
            layer.bias.copy_(torch.from_numpy(c))
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    converted = apply_equation(model, "b_next_R_dh")
    for site, feedback in zip(converted.sites, (network.B1, network.B2), strict=True):
        given = torch.from_numpy(feedback)
        assert site.matrices.random(site.layer.weight).shape == given.shape
        site.matrices._drawn = dict.fromkeys(site.matrices._drawn, given)
    F.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(labels), reduction="sum").backward()
    before = [W.copy() for W in network.W]
    network.update(x, labels)
    for layer, old, new in zip(layers, before, network.W, strict=True):
        update = (old - new).T / example.RATE
        np.testing.assert_allclose(
            layer.weight.grad.numpy(), update, rtol=2e-2, atol=2e-2 * np.abs(update).max()
        )


def test_it_learns_ten_noisy_prototypes(example):
    rng = np.random.default_rng(0)
    prototypes = rng.random((10, 784), np.float32)
    labels = rng.integers(0, 10, 600)
    x = np.clip(prototypes[labels] + 0.1 * rng.standard_normal((600, 784)).astype(np.float32), 0, 1)
    network = example.Network(rng)
    start = network.accuracy(x, labels)
    for _ in range(20):
        for batch in np.split(np.arange(600), np.arange(10, 600, 10)):
            network.update(x[batch], labels[batch])
    assert network.accuracy(x, labels) > max(0.6, start + 0.3)
