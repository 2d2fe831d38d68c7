"""Clipped gradients against updates by hand."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec
from backprop_evo.training.methods import method_of
from backprop_evo.training.methods.known import clipped_gradient
from tests.training.small_children import (
    assert_two_steps_equal,
    first_gradients,
)


def clipped_by_hand(weights, gradients, max_norm, max_value):
    del weights
    cut = {name: np.minimum(np.maximum(g, -max_value), max_value) for name, g in gradients.items()}
    norm = np.sqrt(sum((g**2).sum() for g in cut.values()))
    return {name: g * max_norm / norm if norm > max_norm else g for name, g in cut.items()}


@pytest.mark.parametrize("model", ["wrn-10-1", "mlp-9-7-tanh"])
@pytest.mark.parametrize(
    "limits",
    [
        {"max_norm": 0.5, "max_value": None},
        {"max_norm": 1e3, "max_value": None},
        {"max_norm": None, "max_value": 0.01},
        {"max_norm": 0.2, "max_value": 0.01},
    ],
)
def test_two_steps_equal_those_by_hand(limits, model):
    by_hand = partial(clipped_by_hand, **{name: limit or math.inf for name, limit in limits.items()})
    assert_two_steps_equal("clipped-gradient", by_hand, model, **limits)


def test_a_limit_of_infinity_is_none():
    gradients = list(first_gradients("g").values())
    clipped = [gradient.clone() for gradient in gradients]
    clipped_gradient.clip_(clipped, clipped_gradient.ClippedGradientSettings(math.inf, math.inf))
    assert all(torch.equal(one, other) for one, other in zip(gradients, clipped, strict=True))


def test_clipping_needs_a_limit():
    with pytest.raises(InvalidSettings, match="needs a max_norm or a max_value") as refused:
        method_of(MethodSpec("clipped-gradient", {"max_norm": None}))
    assert refused.value.field == "method.settings.max_norm"
    assert "equation g" in refused.value.hint


def test_a_norm_whose_squares_overflow_is_measured_and_zero_stays_zero():
    large, zero = torch.full((4,), 1e30), torch.zeros(4)
    clipped = [large.clone(), zero.clone()]
    clipped_gradient.clip_(clipped, clipped_gradient.ClippedGradientSettings(max_norm=1.0))
    torch.testing.assert_close(clipped, [torch.full((4,), 0.5), zero])
    clipped_gradient.clip_([zero], clipped_gradient.ClippedGradientSettings(max_norm=1.0))
    assert torch.equal(zero, torch.zeros(4))
