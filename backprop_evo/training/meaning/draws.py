"""The random tensors of noisy equations, shaped, placed, typed and laid out as another.

On a CPU torch fills a tensor in channels-last order one entry at a time (normal numbers for 128×32×32×32:
160 ms, contiguous 16 ms), so entries are drawn as one flat run and viewed in the layout wanted. Every draw
goes back to torch's global generator, whose state a run keeps and restores.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from backprop_evo.training.meaning.feedback import memory_format

_STEPS = 2**16
_FEW = 1 / 32
"""Up to here drawing positions is faster than drawing for every entry."""


def normal_like(x: Tensor) -> Tensor:
    """Independent standard normal entries."""
    if x.device.type != "cpu":
        return torch.randn_like(x)
    flat = torch.randn(x.numel(), dtype=x.dtype)
    # The run is viewed in that order: independent entries are as good in any.
    if memory_format(x) is torch.channels_last:
        return flat.as_strided(x.shape, x.stride())
    return flat.view(x.shape)


def zero_some_(x: Tensor, c: float) -> Tensor:
    """Each entry of ``x`` becomes 0 with probability ``c``, independently of the others, in place.

    On a CPU where few do, by their positions; elsewhere by a product with 0 and 1, for a choice by
    booleans, whose branches nothing can predict, takes nine times as long (two threads, 128×32×32×32). The
    product knows ``c`` to 1 in 65,536.
    """
    if x.device.type != "cpu":
        return x.mul_(torch.rand_like(x, dtype=torch.float32).ge_(c))
    entries = x.as_strided((x.numel(),), (1,))
    if c <= _FEW:
        entries.index_fill_(0, _positions(x.numel(), c), 0)
    else:
        # int16 is uniform on −32768 … 32767.
        threshold = round(c * _STEPS) - _STEPS // 2
        entries.mul_(torch.ge(_random_int16(x.numel()), threshold, out=torch.empty_like(entries)))
    return x


def _positions(count: int, c: float) -> Tensor:
    """Of the successes in ``count`` trials, each with probability ``c``: the gaps between are geometric.

    Eight standard deviations more gaps are drawn than are expected, so that they reach the end.
    """
    expected = count * c
    gaps = torch.empty(int(expected + 8 * expected**0.5) + 8, dtype=torch.int64).geometric_(c)
    positions = gaps.cumsum_(0).sub_(1)
    return positions[: int(torch.searchsorted(positions, count))]


def _random_int16(count: int) -> Tensor:
    """Four from each word of SFC64, twice as fast as torch's own generator, which gives the seed."""
    # From torch's generator, which a run keeps and restores: draws stay repeatable.
    seed = int(torch.randint(2**63 - 1, ()))
    words = np.random.SFC64(seed).random_raw(-(-count // 4))
    return torch.from_numpy(words).view(torch.int16)[:count]
