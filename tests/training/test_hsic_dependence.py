"""Normalised HSIC and the losses of stages against a ten-line reference in float64 numpy."""

import numpy as np
import pytest
import torch

from backprop_evo.training.methods.hsic.dependence import EPSILON, kernel, normalised, stage_losses

CLASSES = 3


def reference(a: np.ndarray, b: np.ndarray, sigma: float) -> float:
    """As printed: tr(K̃_A K̃_B), K̃ = K H (K H + ε m I)⁻¹, the kernel scaled by the dimension."""
    parts = []
    for each in (a, b):
        m, d = each.shape
        distance = ((each[:, None] - each[None]) ** 2).sum(2)
        k = np.exp(-distance / (2 * sigma**2 * d))
        centred = k @ (np.eye(m) - np.ones((m, m)) / m)
        parts.append(centred @ np.linalg.inv(centred + 1e-5 * m * np.eye(m)))
    return float(np.trace(parts[0] @ parts[1]))


def material(dtype: torch.dtype = torch.float64, widths=(4, 4, 6, 4)):
    generator = torch.Generator().manual_seed(0)
    stages = [torch.randn(9, width, generator=generator, dtype=torch.float64).to(dtype) for width in widths]
    x = torch.rand(9, 1, 2, 3, generator=generator, dtype=torch.float64).to(dtype)
    return stages, x, torch.randint(CLASSES, (9,), generator=generator)


def loss_by_reference(stage: np.ndarray, x: torch.Tensor, labels: torch.Tensor, sigma, beta) -> float:
    one_hot = np.eye(CLASSES)[labels.numpy()]
    return reference(stage, x.flatten(1).numpy(), sigma) - beta * reference(stage, one_hot, sigma)


@pytest.mark.parametrize("sigma", [1.0, 5.0])
def test_nhsic_equals_the_reference(sigma):
    stages, _, _ = material()
    a, b = stages[0], stages[2]
    ours = float((normalised(kernel(a[None], sigma)) * normalised(kernel(b[None], sigma))).sum())
    assert ours == pytest.approx(reference(a.numpy(), b.numpy(), sigma), rel=1e-10)
    assert EPSILON == 1e-5


@pytest.mark.parametrize("sigma", [1.0, 5.0])
@pytest.mark.parametrize("beta", [0.0, 7.0])
def test_the_losses_of_stages_of_any_width_equal_the_reference(sigma, beta):
    stages, x, labels = material()
    losses, _ = stage_losses(stages, x, labels, classes=CLASSES, sigma=sigma, beta=beta)
    expected = [loss_by_reference(stage.numpy(), x, labels, sigma, beta) for stage in stages]
    assert losses.tolist() == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_each_gradient_equals_autograd_through_the_formula():
    def inside(a: torch.Tensor) -> torch.Tensor:
        m, d = a.shape
        eye = torch.eye(m, dtype=a.dtype)
        k = torch.exp(-(a[:, None] - a[None]).square().sum(2) / (2 * 2.0**2 * d))
        # H on both sides: the trace is the same, and autograd through K H alone keeps 7 digits of 16.
        centred = (eye - 1 / m) @ k @ (eye - 1 / m)
        return centred @ torch.linalg.inv(centred + 1e-5 * m * eye)

    stages, x, labels = material()
    _, gradients = stage_losses(stages, x, labels, classes=CLASSES, sigma=2.0, beta=7.0)
    wanted = inside(x.flatten(1)) - 7.0 * inside(torch.eye(CLASSES, dtype=x.dtype)[labels])
    for stage, gradient in zip(stages, gradients, strict=True):
        stage.requires_grad_()
        (expected,) = torch.autograd.grad((inside(stage) @ wanted).trace(), stage)
        torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-10)


def test_maps_are_flattened_and_gradients_have_their_shape_and_type():
    stages, x, labels = material()
    maps = stages[2].view(9, 2, 3, 1).requires_grad_()
    losses, (gradient,) = stage_losses([maps], x, labels, classes=CLASSES, sigma=5.0, beta=2.0)
    flat, (same,) = stage_losses([stages[2]], x, labels, classes=CLASSES, sigma=5.0, beta=2.0)
    assert torch.equal(losses, flat)
    assert torch.equal(gradient.flatten(1), same)
    assert not losses.requires_grad
    _, (half,) = stage_losses([stages[2].bfloat16()], x, labels, classes=CLASSES, sigma=5.0, beta=2.0)
    assert half.dtype is torch.bfloat16


def test_float32_is_near_enough_to_learn_by():
    exact = material()
    rounded = material(torch.float32)
    for (a, x, y), (b, u, v) in ((exact, rounded),):
        losses, gradients = stage_losses(a, x, y, classes=CLASSES, sigma=5.0, beta=100.0)
        near, others = stage_losses(b, u, v, classes=CLASSES, sigma=5.0, beta=100.0)
    torch.testing.assert_close(near.double(), losses, rtol=1e-2, atol=0.5)
    for one, other in zip(gradients, others, strict=True):
        assert torch.cosine_similarity(one.flatten(), other.double().flatten(), dim=0) > 0.999


def test_what_is_no_number_has_the_loss_nan_and_raises_nothing():
    stages, x, labels = material()
    stages[1][0, 0] = torch.nan
    losses, _ = stage_losses(stages, x, labels, classes=CLASSES, sigma=5.0, beta=2.0)
    assert losses.isnan().tolist() == [False, True, False, False]
