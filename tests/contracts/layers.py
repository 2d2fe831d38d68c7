"""Linear layers of each kind, and what a site of one sees in random backward passes."""

from __future__ import annotations

import numpy as np
import torch

from backprop_evo.training.meaning.feedback import memory_format
from backprop_evo.training.meaning.linear_ops import Convolution, Dense, Pooled
from backprop_evo.training.meaning.poolings import Mean
from dsl import site_values
from tests.sites import PooledDense, random_site

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


def passes(layer, seed: int, count: int, dtype: torch.dtype = torch.float64) -> list[site_values.SiteValues]:
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
            activation="relu",
            weights_of=before,
        )
        before = rounded(values, dtype)
        steps.append(before)
    return steps
