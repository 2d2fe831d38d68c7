"""Sums over the first axis and norms, by the fastest road torch has on a CPU.

Generic reductions over the first axis of a channels-last tensor were measured ten times slower than the
same sum as a product with a row of ones (mean 3.7 against 0.2 ms, variance 28 against 2, one thread,
128×16×32×32). So a tensor is read as the matrix it is in memory, (first axis, all others in storage order),
and summed by matrix products. Norms other than 2 avoid torch's own, and a count of non-zeros avoids
booleans (two threads, 128×32×32×32: inf-norm 6.7 ms against 0.5 for maximum and minimum, 0-norm 12 against
0.9, 1-norm 3.1 against 1.4).

Shapes: x (B, *); N the number of entries of a row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from backprop_evo.training.feedback import memory_format


def as_matrix(x: Tensor) -> Tensor:
    """(B, N) in storage order; a view for dense and channels-last tensors."""
    if x.dim() == 4 and memory_format(x) is torch.channels_last:
        return x.permute(0, 2, 3, 1).flatten(1)
    return x.flatten(1)


def as_row(row_1N: Tensor, like: Tensor) -> Tensor:
    """A row of ``as_matrix(like)`` in the shape (1, *) and memory format of ``like``."""
    if like.dim() == 4 and memory_format(like) is torch.channels_last:
        _, channels, height, width = like.shape
        return row_1N.view(1, height, width, channels).permute(0, 3, 1, 2)
    return row_1N.view(1, *like.shape[1:])


def precise(x: Tensor) -> Tensor:
    """In float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def column_sums(matrix_BN: Tensor) -> Tensor:
    """Shape (1, N)."""
    return matrix_BN.new_ones(1, matrix_BN.shape[0]).mm(matrix_BN)


def mean(x: Tensor) -> Tensor:
    """Over the first axis, shape (1, *)."""
    return as_row(column_sums(precise(as_matrix(x))).div_(x.shape[0]), x)


def mean_square(x: Tensor) -> Tensor:
    """Of x², over the first axis, shape (1, *)."""
    return as_row(column_sums(precise(as_matrix(x)).square()).div_(x.shape[0]), x)


def mean_and_variance(x: Tensor) -> tuple[Tensor, Tensor]:
    """Over the first axis, shape (1, *) each; the variance divided by B, about the mean in a second pass."""
    matrix_BN = precise(as_matrix(x))
    mean_1N = column_sums(matrix_BN).div_(x.shape[0])
    variance_1N = column_sums((matrix_BN - mean_1N).square_()).div_(x.shape[0])
    return as_row(mean_1N, x), as_row(variance_1N, x)


def column_norms(x: Tensor, p: float) -> Tensor:
    """The vector p-norm over the first axis, shape (1, *)."""
    matrix_BN = precise(as_matrix(x))
    if p == 0:
        norms = column_sums(_nonzero(matrix_BN))
    elif p == 1:
        norms = column_sums(matrix_BN.abs())
    elif p == 2:
        norms = column_sums(matrix_BN.square()).sqrt_()
    else:
        sizes = matrix_BN.abs()
        norms = sizes.amax(0, keepdim=True) if p > 0 else sizes.amin(0, keepdim=True)
    return as_row(norms, x)


def row_norms(x: Tensor, p: float) -> Tensor:
    """The vector p-norm of each row, shape (B, 1, …)."""
    matrix_BN = precise(as_matrix(x))
    return _norms(matrix_BN, p).view(-1, *[1] * (x.dim() - 1))


def norm(x: Tensor, p: float) -> Tensor:
    """The vector p-norm of all entries, a scalar tensor."""
    return _norms(precise(as_matrix(x)).reshape(1, -1), p).view(())


def _norms(matrix_BN: Tensor, p: float) -> Tensor:
    """Of each row, shape (B,)."""
    if p == 0:
        return _nonzero(matrix_BN).sum(1)
    if p == 1:
        return matrix_BN.abs().sum(1)
    if p == math.inf:
        return torch.maximum(matrix_BN.amin(1).neg_(), matrix_BN.amax(1))
    if p == -math.inf:
        return matrix_BN.abs().amin(1)
    norms: Tensor = torch.linalg.vector_norm(matrix_BN, p, dim=1)
    return norms


def _nonzero(x: Tensor) -> Tensor:
    """1 where x is not 0, as numbers of x's type."""
    return torch.ne(x, 0, out=torch.empty_like(x))
