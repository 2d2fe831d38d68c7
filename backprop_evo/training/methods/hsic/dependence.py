"""Normalised HSIC between samples, and the loss of many stages at once with its gradient.

    K_ij  = exp(−‖z_i − z_j‖² / (2 σ² d))            d the dimension of z
    K̃    = K̄ (K̄ + ε m I)⁻¹,   K̄ = H K H,   H = I − 11ᵀ/m,   ε = 1e-5
    nHSIC(Z, X) = tr(K̃_Z K̃_X)                       (Ma, Lewis & Kleijn 2020)

The loss of a stage, nHSIC(Z, X) − β nHSIC(Z, Y), is tr(K̃_Z M) with M = K̃_X − β K̃_Y the same for all stages.
With A = K̄ + c I and c = ε m it is tr(M) − c tr(A⁻¹ M), whose gradient at K̄ is c A⁻¹ M A⁻¹. So both come of
one inverse a stage, and all stages of one batch go through the same batched calls; only stages of different
dimension have a product of their own for distances.

Shapes: L stages, m samples, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

#: ε of the normalisation, times the number of samples.
EPSILON = 1e-5


def stage_losses(
    stages: Sequence[Tensor], x: Tensor, labels_m: Tensor, *, classes: int, sigma: float, beta: float
) -> tuple[Tensor, list[Tensor]]:
    """The losses (L,) of the stages' activations, and the gradient of each at its own stage.

    ``stages`` are (m, *), of any number of features each, ``x`` is the network's input (m, *), ``labels_m``
    are 0 … classes − 1. Nothing is recorded for autograd. What cannot be inverted in this precision has the
    loss NaN.
    """
    with torch.no_grad():
        # The inverse is ill-conditioned by design (ε m beside eigenvalues up to m): never in bf16.
        wide = torch.promote_types(stages[0].dtype, torch.float32)
        flat = [stage.detach().flatten(1).to(wide) for stage in stages]
        target = normalised(kernel(x.detach().flatten(1).to(wide)[None], sigma))[0]
        one_hot = F.one_hot(labels_m, classes).to(wide)
        target = target - beta * normalised(kernel(one_hot[None], sigma))[0]
        kernels_Lmm = torch.cat([kernel(group, sigma) for group in _groups(flat)])
        inverse_Lmm = _regularised_inverse(kernels_Lmm)
        samples = kernels_Lmm.shape[-1]
        ridge = EPSILON * samples
        # tr(M) − c tr(A⁻¹ M); both symmetric, so that the trace is a sum of products.
        losses_L = target.trace() - ridge * (inverse_Lmm * target).sum((1, 2))
        # K̄ = H K H, and its gradient goes through H on both sides; then through the exponential.
        slope_Lmm = _centred(ridge * (inverse_Lmm @ target @ inverse_Lmm)) * kernels_Lmm
        return losses_L, _through_distances(flat, slope_Lmm, sigma, stages)


def kernel(z_LmD: Tensor, sigma: float) -> Tensor:
    """K of each of L sets of samples, (L, m, m)."""
    gram = z_LmD @ z_LmD.mT
    square = gram.diagonal(dim1=1, dim2=2)
    distance = (square[:, :, None] + square[:, None, :] - 2 * gram).clamp_(min=0)
    return distance.mul_(-1 / (2 * sigma**2 * z_LmD.shape[-1])).exp_()


def normalised(kernels_Lmm: Tensor) -> Tensor:
    """K̃ = I − ε m (H K H + ε m I)⁻¹, (L, m, m)."""
    samples = kernels_Lmm.shape[-1]
    identity = torch.eye(samples, dtype=kernels_Lmm.dtype, device=kernels_Lmm.device)
    return identity - EPSILON * samples * _regularised_inverse(kernels_Lmm)


def _regularised_inverse(kernels_Lmm: Tensor) -> Tensor:
    """(H K H + ε m I)⁻¹ of symmetric positive kernels."""
    samples = kernels_Lmm.shape[-1]
    ridged = _centred(kernels_Lmm)
    ridged.diagonal(dim1=1, dim2=2).add_(EPSILON * samples)
    factor, failed_L = torch.linalg.cholesky_ex(ridged)
    # NaN, not an exception: a training that diverges is a result, which its guards tell.
    factor = factor.masked_fill((failed_L != 0)[:, None, None], torch.nan)
    return torch.cholesky_inverse(factor)


def _centred(matrix_Lmm: Tensor) -> Tensor:
    """H · matrix · H for symmetric matrices."""
    rows = matrix_Lmm.mean(2, keepdim=True)
    return matrix_Lmm - rows - rows.mT + rows.mean(1, keepdim=True)


def _groups(flat: Sequence[Tensor]) -> list[Tensor]:
    """Neighbours of equal dimension stacked, (l, m, D) each, in order."""
    groups: list[list[Tensor]] = []
    for stage in flat:
        if groups and groups[-1][0].shape == stage.shape:
            groups[-1].append(stage)
        else:
            groups.append([stage])
    return [torch.stack(group) for group in groups]


def _through_distances(
    flat: Sequence[Tensor], slope_Lmm: Tensor, sigma: float, stages: Sequence[Tensor]
) -> list[Tensor]:
    """The gradient at each stage, where ``slope`` = ∂loss/∂K ⊙ K: Σ_j −2 slope_ij (z_i − z_j) / (σ² d)."""
    gradients: list[Tensor] = []
    for group_lmD in _groups(flat):
        first = len(gradients)
        slope = slope_Lmm[first : first + len(group_lmD)]
        pulled = slope.sum(2, keepdim=True) * group_lmD - slope @ group_lmD
        gradients += list(pulled.mul_(-2 / (sigma**2 * group_lmD.shape[-1])))
    return [one.view(stage.shape).to(stage.dtype) for one, stage in zip(gradients, stages, strict=True)]
