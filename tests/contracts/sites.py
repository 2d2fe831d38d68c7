"""Sites of every kind, seen by the numpy reference and by torch, and how close the two must be."""

from __future__ import annotations

import numpy as np
import torch

from backprop_evo.training.meaning import draws
from backprop_evo.training.meaning.feedback import memory_format
from backprop_evo.training.meaning.linear_ops import Convolution, Dense, Pooled
from backprop_evo.training.meaning.poolings import Mean
from backprop_evo.training.meaning.rules import compile_rule
from backprop_evo.training.meaning.site_view import SiteView
from backprop_evo.training.meaning.statistics import RunningStatistics
from dsl import site_values
from tests.sites import PooledDense, random_site

#: Normalising amplifies the rounding of its operand by |x| / std, hence the wide last one (8 bits).
TOLERANCE = {torch.float64: 1e-9, torch.float32: 3e-4, torch.bfloat16: 1e-1}

DENSE = ("dense", site_values.Dense(), Dense(), (7,), (6, 7))
CONV = (
    "conv",
    site_values.Convolution(padding=(1, 1)),
    Convolution((1, 1), (1, 1), (1, 1), 1),
    (4, 5, 6),
    (6, 4, 3, 3),
)
STRIDED = (
    "strided, grouped, dilated conv",
    site_values.Convolution(stride=(2, 1), padding=(0, 1), dilation=(1, 2), groups=2),
    Convolution((2, 1), (0, 1), (1, 2), 2),
    (4, 7, 8),
    (6, 2, 3, 3),
)
POOLED = ("pooled dense", PooledDense(), Pooled(Dense(), (Mean((2, 3)),)), (4, 5, 6), (6, 4))
LAYERS = [DENSE, CONV, STRIDED, POOLED]


class Matrices:
    """The site's own matrices in place of drawn ones."""

    def __init__(self, values: site_values.SiteValues, tensor) -> None:
        self._values, self._tensor = values, tensor

    def random(self, _weight):
        return self._tensor(self._values.R)

    def bernoulli(self, _weight):
        return self._tensor(self._values.S)

    def from_top(self, classes, h):
        return (
            self._tensor(self._values.R_L)
            .view(classes, *h.shape[1:])
            .contiguous(memory_format=memory_format(h))
        )


def rounded(values: site_values.SiteValues, dtype: torch.dtype) -> site_values.SiteValues:
    """The site with all values representable in ``dtype``, so that the comparison is of functions, not of
    inputs.
    """

    def to(array):
        return torch.from_numpy(np.ascontiguousarray(array)).to(dtype).double().numpy()

    names = ("h_pre", "h", "dh", "h_next_pre", "b_next", "b_top", "W", "R", "S", "R_L")
    return site_values.SiteValues(values.operation, **{name: to(getattr(values, name)) for name in names})


def passes(
    layer, seed: int, count: int, dtype: torch.dtype = torch.float64, samples: int = 5
) -> list[site_values.SiteValues]:
    """What one site above a ReLU sees in ``count`` backward passes; its weights stay."""
    _, operation, _, in_shape, weight_shape = layer
    rng = np.random.default_rng(seed)
    steps, before = [], None
    for _ in range(count):
        values = random_site(
            rng,
            operation,
            in_shape=in_shape,
            weight_shape=weight_shape,
            samples=samples,
            activation="relu",
            weights_of=before,
        )
        before = rounded(values, dtype)
        steps.append(before)
    return steps


def view_of(
    values, op, activation, dtype, channels_last, b_next_channels_last=True, statistics=None
) -> SiteView:
    """The site as torch sees it; whether b_next has h's memory layout is a network's business."""

    def tensor(array):
        t = torch.from_numpy(np.array(array)).to(dtype)
        return t.contiguous(memory_format=torch.channels_last) if channels_last and t.dim() == 4 else t

    b_top = tensor(values.b_top)
    return SiteView(
        op=op,
        activation=activation,
        weight=tensor(values.W),
        h=tensor(values.h),
        kept_h_pre=tensor(values.h_pre),
        kept_h_next_pre=tensor(values.h_next_pre),
        b_next=tensor(values.b_next) if b_next_channels_last else tensor(values.b_next).contiguous(),
        top=lambda b_top=b_top: b_top,
        matrices=Matrices(values, tensor),
        statistics=RunningStatistics() if statistics is None else statistics,
    )


def in_torch(
    equation, steps, op, activation, dtype, channels_last, b_next_channels_last=True
) -> list[np.ndarray]:
    """The signals of a compiled equation, which leaves its site as it was."""
    rule, statistics, signals = compile_rule(equation), RunningStatistics(), []
    for values in steps:
        view = view_of(values, op, activation, dtype, channels_last, b_next_channels_last, statistics)
        inputs = ("weight", "h", "kept_h_pre", "kept_h_next_pre", "b_next")
        kept = {name: getattr(view, name).clone() for name in inputs}
        view.weight_gradients(rule.transport, True, True, True)
        signals.append(rule(view).double().numpy())
        assert all(torch.equal(getattr(view, name), before) for name, before in kept.items()), (
            "a rule overwrote its site"
        )
    return signals


def draws_from_numpy(monkeypatch, seed: int) -> None:
    """Noise in torch from the same numbers as the reference's."""
    generator = np.random.default_rng(seed)

    def normal(x):
        return torch.from_numpy(generator.standard_normal(tuple(x.shape))).to(x.dtype)

    def zero_some(x, c):
        return x.mul_(torch.from_numpy(generator.random(tuple(x.shape)) >= c))

    monkeypatch.setattr(draws, "normal_like", normal)
    monkeypatch.setattr(draws, "zero_some_", zero_some)


def compare(ours: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Within ``tolerance`` of the entry's size, or of a typical entry's where terms cancel."""
    assert ours.shape == expected.shape
    assert np.isfinite(ours).all()
    assert relative_error(ours, expected) <= tolerance


def relative_error(ours: np.ndarray, expected: np.ndarray) -> float:
    scale = np.sqrt(np.mean(expected**2))
    return float((np.abs(ours - expected) / (np.abs(expected) + scale + 1e-30)).max(initial=0))
