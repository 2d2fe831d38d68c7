"""Placebos: how far they are from plain backprop, and that they are as good."""

import math
from dataclasses import replace
from statistics import mean, variance

import pytest
import torch
from torch import nn

from backprop_evo.records.methods import MethodSpec
from backprop_evo.training.methods import method_of
from backprop_evo.training.methods.known import placebo
from tests.training.small_children import CLASSES, SHAPE, SPEC, child_of, first_gradients, same, stepped


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """‖one − other‖ / ‖other‖ over everything."""
    apart = sum(float((one[name].double() - other[name].double()).square().sum()) for name in other)
    return math.sqrt(apart / sum(float(value.double().square().sum()) for value in other.values()))


@pytest.mark.parametrize("disturbance", [1e-6, 1e-4])
def test_a_placebo_differs_by_its_disturbance(disturbance):
    plain = first_gradients("g")
    for number in range(3):
        disturbed = first_gradients("placebo", number=number, disturbance=disturbance)
        assert difference(disturbed, plain) == pytest.approx(disturbance, rel=0.2)
        assert all(not torch.equal(disturbed[name], plain[name]) for name in plain)


def test_placebos_differ_by_number_and_seed_and_by_nothing_else():
    def factors(seed, number):
        parameter = nn.Parameter(torch.zeros(5, 4, 3, 3).contiguous(memory_format=torch.channels_last))
        drawn = placebo.normal_like(parameter, f"{seed} {number} stem.weight")
        assert drawn.is_contiguous(memory_format=torch.channels_last)
        assert not drawn.requires_grad
        return drawn

    drawn = [factors(seed, number) for seed in (0, 1) for number in (0, 1)]
    assert len({float(each.sum()) for each in drawn}) == 4
    assert torch.equal(drawn[3], factors(1, 1))
    assert same(stepped(child_of("placebo", number=1)), stepped(child_of("placebo", number=1)))
    fingerprints = {method_of(MethodSpec("placebo", {"number": n})).fingerprint() for n in range(3)}
    assert len(fingerprints) == 3


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_trajectories_part(precision):
    spec = replace(SPEC, precision=precision)
    plain = stepped(child_of("g", spec), 12)
    for number in range(2):
        other = stepped(child_of("placebo", spec, number=number), 12)
        assert 0 < difference(other, plain) < 0.3


def accuracy_after_training(name: str, seed: int, **settings) -> float:
    """Noisy prototypes, 30 steps at a rate at which a disturbance grows; accuracy on 300 other images."""
    child = child_of(name, replace(SPEC, optimizer="sgd", weight_decay=0.0), seed, **settings)
    child.set_rate(1.0)
    generator = torch.Generator().manual_seed(seed)
    prototypes = torch.randn(CLASSES, *SHAPE, generator=generator) / 4

    def draw(count):
        labels_B = torch.randint(CLASSES, (count,), generator=generator)
        return prototypes[labels_B] + torch.randn(count, *SHAPE, generator=generator), labels_B

    for _ in range(30):
        child.step(*draw(16))
    x_BCHW, labels_B = draw(300)
    with torch.no_grad():
        return float((child.logits(x_BCHW).argmax(1) == labels_B).float().mean())


def test_a_placebo_is_as_good_as_plain_backprop_and_differs_by_chance():
    """Plain backprop is one of five alike per seed: its distance to the mean of the other four, over four
    seeds, is within four standard errors of zero.
    """
    plain = [accuracy_after_training("g", seed) for seed in range(4)]
    placebos = [[accuracy_after_training("placebo", s, number=n) for n in range(4)] for s in range(4)]
    chance = math.sqrt(mean(variance([g, *four]) for g, four in zip(plain, placebos, strict=True)))
    assert chance > 0.003, "chance has to show"
    apart = mean(mean(four) for four in placebos) - mean(plain)
    assert abs(apart) < 4 * chance * math.sqrt((1 + 1 / 4) / 4)
    assert min(plain) > 1.3 / CLASSES, "something was learnt"
