"""The documented examples: the hand-written rules are what the sites compute, and each script learns, in a
short form.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backprop_evo.training import apply_equation
from backprop_evo.training.methods.shared_feedback import apply_shared_feedback

EXAMPLES = Path(__file__).parents[2] / "examples"


def example_named(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example():
    return example_named("mnist_feedback_alignment")


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


# Synthetic gradients by hand ----------------------------------------------


def test_the_layers_learn_from_predictions_more_than_the_last_layer_does_alone(monkeypatch):
    by_hand = example_named("synthetic_gradients_numpy")
    errors = by_hand.train(600, 1)
    assert np.mean(errors[-20:]) < 0.9 * np.mean(errors[:20])
    monkeypatch.setattr(by_hand.Layer, "teach", lambda *_: None)
    assert np.mean(errors[-20:]) < 0.97 * np.mean(by_hand.train(600, 1)[-20:])


def test_what_a_layer_sends_down_is_autograds_and_m_moves_towards_it():
    by_hand = example_named("synthetic_gradients_numpy")
    rng = np.random.default_rng(0)
    x, gradient = rng.random((10, 16)), rng.standard_normal((10, 64))
    layer = by_hand.Layer(16, 64, rng)
    below, W = torch.from_numpy(x).requires_grad_(), torch.from_numpy(layer.W.copy()).requires_grad_()
    torch.sigmoid(below @ W).backward(torch.from_numpy(gradient))
    before, out = layer.W.copy(), layer.forward(x)
    layer.predicted = out @ layer.M
    sent = layer.update(gradient)
    np.testing.assert_allclose(sent, below.grad.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose((before - layer.W) / by_hand.RATE, W.grad.numpy(), rtol=1e-8, atol=1e-10)
    distances = []
    for _ in range(50):
        layer.predicted = out @ layer.M
        distances.append(np.abs(layer.predicted - gradient).mean())
        layer.teach(gradient)
    assert distances[-1] < distances[0]


def test_the_task_is_addition():
    by_hand = example_named("synthetic_gradients_numpy")
    x, y = by_hand.sums(50, 8, np.random.default_rng(0))
    numbers = [bits @ 2 ** np.arange(8)[::-1] for bits in (x[:, :8], x[:, 8:], y)]
    np.testing.assert_array_equal(numbers[0] + numbers[1], numbers[2])


# One matrix for all layers by hand ----------------------------------------------


def perceptron_of(W, c):
    """The network of a script, whose weights are (in, out), with its tanh."""
    layers = []
    for weight, bias in zip(W, c, strict=True):
        layer = nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("feedback", ["shared", "backprop"])
def test_an_update_through_one_matrix_equals_the_methods(feedback, monkeypatch):
    by_hand = example_named("shared_feedback_numpy")
    monkeypatch.setattr(by_hand, "WIDTHS", (12, 7, 9, 4))
    rng = np.random.default_rng(0)
    network = by_hand.Network(rng)
    x, labels = rng.standard_normal((8, 12)).astype(np.float32), rng.integers(0, 4, 8)
    model = perceptron_of(network.W, network.c)
    if feedback == "shared":
        converted = apply_shared_feedback(model, indirect=False)
        converted.sites[0].matrices._whole[4] = torch.from_numpy(network.B)
    F.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(labels)).backward()
    before = [np.copy(each) for each in (*network.W, *network.c)]
    network.update(x, labels, feedback)
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    gradients = [layer.weight.grad.T for layer in linear] + [layer.bias.grad for layer in linear]
    for old, new, gradient in zip(before, (*network.W, *network.c), gradients, strict=True):
        np.testing.assert_allclose((old - new) / by_hand.RATE, gradient.numpy(), rtol=1e-3, atol=1e-5)


def test_the_weights_turn_towards_the_one_matrix(monkeypatch, capsys):
    by_hand = example_named("shared_feedback_numpy")
    monkeypatch.setattr(by_hand, "WIDTHS", (3 * 32 * 32, 32, 16, 10))
    rng = np.random.default_rng(0)
    assert by_hand.train(by_hand.Network(rng), "shared", 3, rng) > 0.2
    cosines = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert cosines == sorted(cosines)
    assert cosines[-1] > cosines[0] + 0.1


# Methods in a model of one's own ----------------------------------------------


@pytest.mark.parametrize("method", ["cdni", "g"])
def test_your_model_learns_by_synthetic_gradients(method):
    script = example_named("synthetic_gradients")
    torch.manual_seed(0)
    net = script.model()
    assert script.train(net, method, epochs=2) > 0.15
    assert not any("forward" in module.__dict__ for module in net.modules())


@pytest.mark.parametrize("format_share", [0.0, 0.5])
def test_your_model_learns_by_the_hsic_bottleneck(format_share, capsys):
    script = example_named("hsic_bottleneck")
    torch.manual_seed(0)
    assert script.train(script.model(64, 2), 4, format_share, images=1024) > 0.17
    phases = [line.split()[2] for line in capsys.readouterr().out.splitlines()]
    assert phases == (["stages"] * 4 if format_share == 0 else ["stages"] * 2 + ["format"] * 2)


def test_a_recurrent_network_learns_in_windows(capsys):
    script = example_named("recurrent_synthetic_gradients")
    for method in ("dni", "bptt"):
        assert script.train(method, 20) is None, "twenty windows are too few for any length"
    assert capsys.readouterr().out.count("length 4, solved None") == 20


def test_your_layers_learn_without_waiting_for_each_other():
    script = example_named("unlocked_layers")
    torch.manual_seed(0)
    assert script.train(script.model(32), 3, images=2048) > 0.13
