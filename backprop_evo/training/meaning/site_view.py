"""What an equation may look at in one backward pass of one site, each quantity computed at most once and
only if asked.

Shapes: IN is (B, *) as h_i, OUT (B, *) as h_{i+1}^p, WEIGHT as the layer's weight, TOP (B, K), RTOP (K,
size of IN).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from backprop_evo.training.meaning.activations import Activation
from backprop_evo.training.meaning.feedback import FixedMatrices, memory_format
from backprop_evo.training.meaning.linear_ops import LinearOp
from backprop_evo.training.meaning.statistics import RunningStatistics

Transport = Literal["W", "R"]


@dataclass(slots=True, eq=False)
class SiteView:
    """One backward pass at one site. What is ``kept_…`` is None where neither the equation nor σ asked for
    it.
    """

    op: LinearOp
    activation: Activation
    weight: Tensor
    h: Tensor
    kept_h_pre: Tensor | None
    kept_h_next_pre: Tensor | None
    b_next: Tensor
    top: Callable[[], Tensor]
    matrices: FixedMatrices
    statistics: RunningStatistics
    _arrived: dict[Transport, Tensor] = field(default_factory=dict)

    def weight_gradients(
        self, transport: Transport | None, wants_signal: bool, wants_weight: bool, wants_bias: bool
    ) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of weight and bias; b_next through ``transport`` comes out of the same call.

        A rule that never sends b_next through a weight has no transport, and then no transposed operation
        is done.
        """
        # An equation like ``b_top_R_L_dh`` never sends b_next down: the transposed operation would be work
        # for nothing.
        wants_signal = wants_signal and transport is not None
        if not (wants_signal or wants_weight or wants_bias):
            return None, None
        matrix = self.matrix(transport) if transport is not None else self.weight
        signal, d_weight, d_bias = self.op.backward(
            self.b_next, self.h, matrix, wants_bias, (wants_signal, wants_weight)
        )
        if signal is not None and transport is not None:
            self._arrived[transport] = signal
        return d_weight, d_bias

    def matrix(self, transport: Transport) -> Tensor:
        """W or R, shape WEIGHT."""
        return self.weight if transport == "W" else self.matrices.random(self.weight)

    def through(self, transport: Transport) -> Tensor:
        """b_next · W or b_next · R, shape IN."""
        if transport not in self._arrived:
            self._arrived[transport] = self.op.transpose(self.b_next, self.matrix(transport), self.h)
        return self._arrived[transport]

    def b_top(self) -> Tensor:
        """The loss gradient at the model's output, shape (B, K)."""
        # A model whose output has more axes than (B, K) is read as one of K = their product.
        return self.top().to(self.h.dtype).flatten(1)

    def R_L(self) -> Tensor:  # noqa: N802 - the paper's name
        """R_L with IN's axes apart, shape (K, *)."""
        return self.matrices.from_top(self.b_top().shape[1], self.h)

    def from_top(self) -> Tensor:
        """b_top · R_L, shape IN."""
        return self.down_from_top(self.b_top(), self.R_L())

    def down_from_top(self, b_top_BK: Tensor, matrix: Tensor) -> Tensor:
        """TOP · RTOP → IN, in h's memory format; ``matrix`` has shape (K, *) or (1, *)."""
        shape = self.h.shape[1:]
        matrix = matrix.expand(b_top_BK.shape[1], *shape)
        # In channels-last memory the product is taken in that order of columns, which makes its result a
        # view.
        if self.h.dim() != 4 or memory_format(self.h) is not torch.channels_last:
            return _thin_product(b_top_BK, matrix.flatten(1)).view(-1, *shape)
        channels, height, width = shape
        flat = _thin_product(b_top_BK, matrix.permute(0, 2, 3, 1).flatten(1))
        return flat.view(-1, height, width, channels).permute(0, 3, 1, 2)

    def pull(self, b: Tensor, *, in_place: bool) -> Tensor:
        """b ⊙ ∂h/∂h_pre, into b's memory where that is allowed and possible."""
        if self.activation.is_identity:
            return b
        return self.activation.pull(b, self._derivative_source(), b if in_place else None)

    def derivative(self) -> Tensor:
        """∂h/∂h_pre, shape IN; a new tensor."""
        # Expanded, not filled: σ's gradient function reads it once.
        ones = torch.ones((), dtype=self.h.dtype, device=self.h.device).expand_as(self.h)
        if self.activation.is_identity:
            return torch.ones_like(self.h)
        return self.activation.pull(ones, self._derivative_source(), None)

    def h_pre(self) -> Tensor:
        """h_pre, shape IN."""
        assert self.kept_h_pre is not None, "a rule that reads h_pre must say so in its needs"
        return self.kept_h_pre.to(self.h.dtype)

    def h_next_pre(self) -> Tensor:
        """h_next_pre with the bias, shape OUT."""
        assert self.kept_h_next_pre is not None, "a rule that reads h_next_pre must say so in its needs"
        return self.kept_h_next_pre

    def _derivative_source(self) -> Tensor:
        return self.h if self.activation.from_output else self.h_pre()


def _thin_product(left_BK: Tensor, right_KN: Tensor) -> Tensor:
    """left · right, shape (B, N), for small K.

    In groups of samples on a CPU: MKL's product of so thin a pair takes twice as long in one piece (128×10
    by 10×32768, two threads: 3.1 against 1.5 ms).
    """
    samples, inner = left_BK.shape
    groups = math.gcd(samples, 8) if left_BK.device.type == "cpu" else 1
    product_GBN = left_BK.reshape(groups, -1, inner).bmm(right_KN.expand(groups, -1, -1))
    return product_GBN.view(samples, -1)
