"""Layer-wise normalised gradients against updates by hand, and their calibration."""

from functools import partial

import numpy as np
import pytest
import torch

from backprop_evo.training.methods.known import layerwise_normalised
from backprop_evo.training.run.calibration import _unit, update_sizes
from tests.training.small_children import (
    assert_two_steps_equal,
    batches,
    child_of,
    first_gradients,
)


def lars_by_hand(weights, gradients, trust):
    return {
        name: g * trust * np.sqrt((weights[name] ** 2).sum()) / np.sqrt((g**2).sum()) if g.ndim > 1 else g
        for name, g in gradients.items()
    }


@pytest.mark.parametrize("model", ["wrn-10-1", "mlp-9-7-tanh"])
@pytest.mark.parametrize("trust", [0.02, 0.5])
def test_two_steps_equal_those_by_hand(trust, model):
    by_hand = partial(lars_by_hand, trust=trust)
    assert_two_steps_equal("layerwise-normalised", by_hand, model, trust=trust)


def test_biases_and_batch_norm_keep_the_plain_gradient():
    plain, scaled = first_gradients("g"), first_gradients("layerwise-normalised")
    kept = {name for name in plain if torch.equal(plain[name], scaled[name])}
    assert kept == {name for name, gradient in plain.items() if gradient.dim() == 1}
    assert len(kept) > 10


@pytest.mark.parametrize("trust", [0.001, 0.02, 1.0])
def test_a_relative_step_is_trust_times_rate(trust):
    child = child_of("layerwise-normalised", trust=trust)
    child.learner.learn(*next(batches(1)))
    sizes = update_sizes(child)
    assert list(sizes.values()) == pytest.approx([trust] * 9, rel=1e-5)
    assert _unit(sizes) == pytest.approx(1 / trust, rel=1e-5)


def test_norms_whose_squares_overflow_are_measured_and_zero_stays_zero():
    large, zero = torch.full((4,), 1e30), torch.zeros(4)
    ratio = layerwise_normalised.trust_ratio
    assert float(ratio(torch.ones(4), large, 0.02)) == pytest.approx(0.02 / 1e30)
    assert float(ratio(zero, large, 0.02)) == float(ratio(large, zero, 0.02)) == 1.0
