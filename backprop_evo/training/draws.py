"""The random tensors of noisy equations, shaped, placed, typed and laid out as another.

On a CPU torch fills a tensor in channels-last order one entry at a time (normal numbers for 128×32×32×32:
160 ms, contiguous 16 ms), so entries are drawn as one flat run and viewed in the layout wanted. Every draw
goes back to torch's global generator, whose state a run keeps and restores.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from backprop_evo.training.feedback import memory_format

_STEPS = 2**16


def normal_like(x: Tensor) -> Tensor:
    """Independent standard normal entries."""
    if x.device.type != "cpu":
        return torch.randn_like(x)
    return _laid_out(torch.randn(x.numel(), dtype=x.dtype), x)


def kept_like(x: Tensor, c: float) -> Tensor:
    """0 with probability ``c`` (on a CPU rounded to 1 in 65,536), else 1; independent entries.

    A product with such a mask is far cheaper than choosing by a boolean, whose branches nothing can predict
    (1 against 9 ms, two threads, 128×32×32×32).
    """
    if x.device.type != "cpu":
        return torch.rand_like(x, dtype=torch.float32).ge_(c).to(x.dtype)
    threshold = round(c * _STEPS) - _STEPS // 2
    kept = torch.ge(_random_int16(x.numel()), threshold, out=torch.empty(x.numel(), dtype=x.dtype))
    return _laid_out(kept, x)


def _random_int16(count: int) -> Tensor:
    """Four from each word of SFC64, twice as fast as torch's own generator, which gives the seed."""
    seed = int(torch.randint(2**63 - 1, ()))
    words = np.random.SFC64(seed).random_raw(-(-count // 4))
    return torch.from_numpy(words).view(torch.int16)[:count]


def _laid_out(flat: Tensor, like: Tensor) -> Tensor:
    if memory_format(like) is torch.channels_last:
        return flat.as_strided(like.shape, like.stride())
    return flat.view(like.shape)
