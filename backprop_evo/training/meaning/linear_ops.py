"""The linear operation of a site: forward, transposed with any matrix in the weight's place, and weight
gradient.

The two directions that an equation may ask for are ``transpose`` (OUT · WEIGHT → IN) and ``forward``
without bias (IN · WEIGHTᵗ → OUT). For a convolution the first is one ``convolution_backward``, so that
feedback alignment costs what plain backprop costs (im2col is never built, as in the paper's appendix A).

Average pooling and flattening below a layer are part of its operation (``poolings`` says why): ``Pooled``.

Shapes: B sample, I in, O out, C channel, H W space; a weight is (O, I) or (O, I/groups, kH, kW).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backprop_evo.training.meaning.poolings import Pooling

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


class LinearOp(Protocol):
    """What a site needs of its linear operation."""

    def forward(self, h: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The operation itself."""

    def backward(
        self, b_next: Tensor, h: Tensor, weight: Tensor, bias: bool, wanted: tuple[bool, bool]
    ) -> Gradients:
        """b_next through ``weight``, and the gradients of weight and bias; ``wanted`` = (signal, weight)."""

    def transpose(self, b_next: Tensor, matrix: Tensor, like: Tensor) -> Tensor:
        """b_next through ``matrix`` in the weight's place; ``like`` has the shape of the result."""


@dataclass(frozen=True, slots=True)
class Dense(LinearOp):
    """``nn.Linear``; leading dimensions between sample and features are positions that share the weight."""

    def forward(self, h: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """(B, …, I) → (B, …, O)."""
        return F.linear(h, weight, bias)

    def backward(
        self, b_next: Tensor, h: Tensor, weight: Tensor, bias: bool, wanted: tuple[bool, bool]
    ) -> Gradients:
        """Positions count as further samples in the gradient of the weight, as in autograd."""
        flat_BO = b_next.reshape(-1, b_next.shape[-1])
        signal = b_next.matmul(weight) if wanted[0] else None
        d_weight_OI = flat_BO.t().mm(h.reshape(-1, h.shape[-1])) if wanted[1] else None
        return signal, d_weight_OI, flat_BO.sum(0) if bias else None

    def transpose(self, b_next: Tensor, matrix: Tensor, like: Tensor) -> Tensor:
        """(B, …, O) → (B, …, I)."""
        del like
        return b_next.matmul(matrix)


@dataclass(frozen=True, slots=True)
class Convolution(LinearOp):
    """``nn.Conv2d`` with any stride, zero padding, dilation and groups."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    def forward(self, h: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """(B, C, H, W) → (B, O, H', W')."""
        return F.conv2d(h, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def backward(
        self, b_next: Tensor, h: Tensor, weight: Tensor, bias: bool, wanted: tuple[bool, bool]
    ) -> Gradients:
        """One call into aten for whatever is wanted, as in autograd."""
        gradients: Gradients = torch.ops.aten.convolution_backward(
            b_next,
            h,
            weight,
            [weight.shape[0]] if bias else None,
            self.stride,
            self.padding,
            self.dilation,
            False,
            # No output padding: it belongs to transposed convolutions, as the False above.
            [0, 0],
            self.groups,
            [wanted[0], wanted[1], bias],
        )
        return gradients

    def transpose(self, b_next: Tensor, matrix: Tensor, like: Tensor) -> Tensor:
        """The gradient with respect to the input is the transposed operation; ``like`` gives its shape."""
        signal = self.backward(b_next, like, matrix, False, (True, False))[0]
        assert signal is not None
        return signal


@dataclass(frozen=True, slots=True)
class Pooled(LinearOp):
    """A layer's operation together with the poolings below it, the lowest first."""

    op: LinearOp
    poolings: tuple[Pooling, ...]

    def forward(self, h: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """h is the input of the lowest pooling, the result the output of the operation."""
        return self.op.forward(self._stages(h)[-1], weight, bias)

    def backward(
        self, b_next: Tensor, h: Tensor, weight: Tensor, bias: bool, wanted: tuple[bool, bool]
    ) -> Gradients:
        """The gradient of the weight is taken at the pooled input, which is made again rather than kept."""
        *below, x = self._stages(h)
        signal, d_weight, d_bias = self.op.backward(b_next, x, weight, bias, wanted)
        return None if signal is None else self._down(signal, below), d_weight, d_bias

    def transpose(self, b_next: Tensor, matrix: Tensor, like: Tensor) -> Tensor:
        """Down through the operation, then through each pooling, the highest first."""
        *below, x = self._stages(like)
        return self._down(self.op.transpose(b_next, matrix, x), below)

    def _stages(self, h: Tensor) -> list[Tensor]:
        """h, and what each pooling makes of it; the last is the layer's own input."""
        stages = [h]
        for pooling in self.poolings:
            stages.append(pooling.forward(stages[-1]))
        return stages

    def _down(self, signal: Tensor, below: list[Tensor]) -> Tensor:
        for pooling, like in zip(reversed(self.poolings), reversed(below), strict=True):
            signal = pooling.transpose(signal, like)
        return signal


def with_poolings(op: LinearOp, poolings: tuple[Pooling, ...]) -> LinearOp:
    """``op`` together with ``poolings``, which may be none."""
    return Pooled(op, poolings) if poolings else op


def linear_op(layer: nn.Linear | nn.Conv2d) -> LinearOp | str:
    """The operation of ``layer``, or in words why it cannot be a site."""
    if isinstance(layer, nn.Linear):
        return Dense()
    if layer.padding_mode != "zeros":
        return f"its padding mode is {layer.padding_mode}, not zeros"
    padding = layer.padding
    if padding == "valid":
        padding = (0, 0)
    elif padding == "same":
        spans = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
        # torch pads such layers more on one side, which one number for each axis cannot say.
        if any(span % 2 for span in spans):
            return "its 'same' padding is asymmetric (even kernel)"
        padding = (spans[0] // 2, spans[1] // 2)
    assert not isinstance(padding, str)
    return Convolution(_pair(layer.stride), _pair(padding), _pair(layer.dilation), layer.groups)


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    return sizes[0], sizes[1]
