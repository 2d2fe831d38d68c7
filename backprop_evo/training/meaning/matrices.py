"""Tensors read as the matrices that they are in memory: (first axis, all others in storage order), so that
nothing is copied and any memory layout stays as it is.

Shapes: B first axis, N the number of entries of a row.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from backprop_evo.training.meaning.feedback import memory_format


def as_matrix(x: Tensor) -> Tensor:
    """(B, N) in storage order; a view for dense and channels-last tensors."""
    if x.dim() == 4 and memory_format(x) is torch.channels_last:
        return x.permute(0, 2, 3, 1).flatten(1)
    return x.flatten(1)


def as_tensor(matrix_BN: Tensor, like: Tensor) -> Tensor:
    """Rows of ``as_matrix(like)``, any number of them, in the axes and memory format of ``like``."""
    if like.dim() == 4 and memory_format(like) is torch.channels_last:
        _, channels, height, width = like.shape
        return matrix_BN.reshape(-1, height, width, channels).permute(0, 3, 1, 2)
    return matrix_BN.reshape(-1, *like.shape[1:])


def read_turned(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``function`` of the transposed matrix that ``x`` stands for, kept as ``x`` is."""
    return as_tensor(function(as_matrix(x).t()).t(), x)
