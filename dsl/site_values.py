"""A site in numpy: the values an equation may look at in one backward pass, and the linear operation in both
directions.

Shapes: B sample, I in, O out, C channel, H W space, G groups, K classes. IN is (B, *) as h, OUT (B, *) as
h_next_pre, WEIGHT (O, I) or (O, I/G, kH, kW), TOP (B, K), RTOP (K, size of IN). Any of them may have one row
where a running statistic stands: (1, *).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class LinearOperation(Protocol):
    """The linear operation of a site, without bias."""

    def forward(self, h: Array, weight: Array) -> Array:
        """IN · WEIGHTᵗ → OUT: the operation itself."""

    def transpose(self, b_next: Array, weight: Array, in_shape: tuple[int, ...]) -> Array:
        """OUT · WEIGHT → IN: its transpose; ``in_shape`` is IN's shape without the sample axis."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A matrix; axes between sample and feature are positions that share it."""

    def forward(self, h: Array, weight: Array) -> Array:
        """(B, …, I) → (B, …, O)."""
        return np.asarray(h @ weight.T)

    def transpose(self, b_next: Array, weight: Array, in_shape: tuple[int, ...]) -> Array:
        """(B, …, O) → (B, …, I); the shape of the input follows from the weight."""
        del in_shape
        return np.asarray(b_next @ weight)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A two-dimensional convolution with zero padding."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def forward(self, h: Array, weight: Array) -> Array:
        """(B, C, H, W) → (B, O, H', W'), summed over the places of the kernel: slow, and plain to check."""
        (pad_y, pad_x), groups = self.padding, self.groups
        padded = np.pad(h, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
        out_hw = tuple(
            (size - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, stride, dilation in zip(
                padded.shape[2:], weight.shape[2:], self.stride, self.dilation, strict=True
            )
        )
        grouped = padded.reshape(h.shape[0], groups, h.shape[1] // groups, *padded.shape[2:])
        kernel = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
        out = np.zeros((h.shape[0], groups, kernel.shape[1], *out_hw))
        for y, x, window in self._windows(weight, out_hw):
            out += np.einsum("bgihw,goi->bgohw", grouped[(..., *window)], kernel[..., y, x])
        return out.reshape(h.shape[0], weight.shape[0], *out_hw)

    def transpose(self, b_next: Array, weight: Array, in_shape: tuple[int, ...]) -> Array:
        """The adjoint of ``forward``: ⟨forward(h), b⟩ = ⟨h, transpose(b)⟩. ``in_shape`` (C, H, W): a stride
        leaves it open."""
        (pad_y, pad_x), groups = self.padding, self.groups
        channels, height, width = in_shape
        signal = b_next.reshape(b_next.shape[0], groups, -1, *b_next.shape[2:])
        kernel = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
        padded = np.zeros(
            (b_next.shape[0], groups, channels // groups, height + 2 * pad_y, width + 2 * pad_x)
        )
        for y, x, window in self._windows(weight, b_next.shape[2:]):
            padded[(..., *window)] += np.einsum("bgohw,goi->bgihw", signal, kernel[..., y, x])
        inner = padded[..., pad_y : pad_y + height, pad_x : pad_x + width]
        return inner.reshape(b_next.shape[0], channels, height, width)

    def _windows(
        self, weight: Array, out_hw: tuple[int, ...]
    ) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
        """For every kernel entry the inputs it meets, one per output position."""
        for y in range(weight.shape[2]):
            for x in range(weight.shape[3]):
                rows, columns = (
                    slice(start, start + (count - 1) * stride + 1, stride)
                    for start, count, stride in zip(
                        (y * self.dilation[0], x * self.dilation[1]), out_hw, self.stride, strict=True
                    )
                )
                yield y, x, (rows, columns)


@dataclass(frozen=True, slots=True, eq=False)
class SiteValues:
    """One backward pass at one site, in float64."""

    operation: LinearOperation
    h_pre: Array
    h: Array
    dh: Array
    h_next_pre: Array
    b_next: Array
    b_top: Array
    W: Array
    R: Array
    S: Array
    R_L: Array

    def through(self, b_next: Array, weight: Array) -> Array:
        """OUT · WEIGHT → IN. A weight of one row stands for equal rows."""
        weight = np.broadcast_to(weight, self.W.shape)
        return self.operation.transpose(b_next, weight, self.h.shape[1:])

    def forward(self, h: Array, transposed_weight: Array) -> Array:
        """IN · WEIGHTᵗ → OUT."""
        weight = np.broadcast_to(np.swapaxes(transposed_weight, 0, 1), self.W.shape)
        return self.operation.forward(h, weight)

    def from_top(self, b_top: Array, r_l: Array) -> Array:
        """TOP · RTOP → IN."""
        r_l = np.broadcast_to(r_l, self.R_L.shape)
        return np.asarray(b_top @ r_l).reshape(b_top.shape[0], *self.h.shape[1:])


def _relu(x: Array) -> tuple[Array, Array]:
    return np.maximum(x, 0.0), (x > 0).astype(np.float64)


def _tanh(x: Array) -> tuple[Array, Array]:
    h = np.tanh(x)
    return h, 1.0 - h * h


def _identity(x: Array) -> tuple[Array, Array]:
    return x, np.ones_like(x)


#: σ and σ' of h_pre, by name.
ACTIVATIONS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "relu": _relu,
    "tanh": _tanh,
    "identity": _identity,
}
