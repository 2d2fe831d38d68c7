"""What may stand between an activation and its layer and still belong to the layer's linear operation: means
over space, average pooling, changes of shape.

They are linear and have no weights, so the layer's operation is taken together with them, and h, dh and
everything else of shape IN is what stands below the pooling. Taken apart, the activation above a global
average pooling would be the identity, dh constant 1 there, and every equation with a factor ``bn(dh)`` or
``std(dh)``, published ones among them, would send nothing below the classifier.

``transpose`` makes bit for bit what autograd makes. Shapes: B sample; all others are the poolings' own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

aten = torch.ops.aten


class Pooling(Protocol):
    """A linear map that keeps samples apart."""

    def forward(self, h: Tensor) -> Tensor:
        """The map itself."""

    def transpose(self, b: Tensor, like: Tensor) -> Tensor:
        """The gradient that autograd would send down, a new tensor in ``like``'s shape and layout."""


@dataclass(frozen=True, slots=True)
class Mean(Pooling):
    """``h.mean(axes, keepdim)``; ``axes`` may be negative and never name the samples'."""

    axes: tuple[int, ...]
    keepdim: bool = False

    def __str__(self) -> str:
        return f"mean over axes {', '.join(map(str, self.axes))}"

    def forward(self, h: Tensor) -> Tensor:
        """Without the axes, or with size 1 in their place."""
        return h.mean(self.axes, self.keepdim)

    def transpose(self, b: Tensor, like: Tensor) -> Tensor:
        """Every entry gets an equal share, written in ``like``'s memory layout."""
        axes = {axis % like.dim() for axis in self.axes}
        shape = [1 if axis in axes else size for axis, size in enumerate(like.shape)]
        spread = b.reshape(shape).expand_as(like)
        return torch.div(spread, prod(like.shape[axis] for axis in axes), out=torch.empty_like(like))


@dataclass(frozen=True, slots=True)
class AveragePool(Pooling):
    """``nn.AvgPool2d``; arguments as torch's function takes them."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] = (0, 0)
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor: int | None = None

    def __str__(self) -> str:
        return f"average pooling of {'×'.join(map(str, self.kernel))}"

    def forward(self, h: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H', W')."""
        return F.avg_pool2d(
            h, self.kernel, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor
        )

    def transpose(self, b: Tensor, like: Tensor) -> Tensor:
        """aten's gradient; ``like`` lends only its shape."""
        signal: Tensor = aten.avg_pool2d_backward(
            b,
            like,
            self.kernel,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor,
        )
        return signal


@dataclass(frozen=True, slots=True)
class AdaptiveAveragePool(Pooling):
    """``nn.AdaptiveAvgPool2d`` to ``size``; None keeps that axis. To 1×1 torch takes the mean."""

    size: tuple[int | None, int | None]

    def __str__(self) -> str:
        return f"average pooling to {'×'.join(map(str, self.size))}"

    def forward(self, h: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, *size)."""
        return F.adaptive_avg_pool2d(h, self.size)

    def transpose(self, b: Tensor, like: Tensor) -> Tensor:
        """Of 1×1 the transpose of the mean, which keeps channels-last memory."""
        if b.shape[-2:] == (1, 1):
            return Mean((-2, -1), keepdim=True).transpose(b, like)
        signal: Tensor = aten._adaptive_avg_pool2d_backward(b, like)
        return signal


@dataclass(frozen=True, slots=True)
class Reshape(Pooling):
    """The same entries of each sample in another shape: flatten, view, reshape, squeeze."""

    shape: tuple[int, ...]

    def __str__(self) -> str:
        return "flatten" if len(self.shape) <= 1 else "a change of shape"

    def forward(self, h: Tensor) -> Tensor:
        """(B, *) → (B, *shape)."""
        return h.reshape(h.shape[0], *self.shape)

    def transpose(self, b: Tensor, like: Tensor) -> Tensor:
        """The entries back in ``like``'s shape and memory layout."""
        return torch.empty_like(like).copy_(b.reshape(like.shape))


def reshaped(h: Tensor, out: Tensor) -> Reshape | None:
    """What made ``out`` of ``h``; None where samples were mixed."""
    if h.dim() == 0 or out.dim() == 0 or h.shape[0] != out.shape[0]:
        return None
    return Reshape(tuple(out.shape[1:]))


# How models call them ---------------------------------------------------------------------------------------

#: (input, output, the call's other arguments) → the pooling, or None where it is none. Input and output are
#: None while a model is only traced.
Reading = Callable[..., Pooling | None]


def _read_mean(
    h: Tensor | None, _out: Tensor | None, dim: Any = None, keepdim: bool = False, **others: Any
) -> Mean | None:
    dim = others.pop("axis", None) if dim is None else dim
    axes = (dim,) if isinstance(dim, int) else tuple(dim or ())
    if not axes or any(value is not None for value in others.values()):
        return None
    if h is None:
        # A second axis from the end may be the samples'; with the last one beside it, it is a map's.
        mixed = 0 in axes or (min(axes) < -1 and -1 not in axes) or min(axes) < -2
    else:
        mixed = any(axis % h.dim() == 0 for axis in axes)
    return None if mixed else Mean(axes, keepdim)


def _read_average_pool(
    _h: Tensor | None,
    _out: Tensor | None,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> AveragePool:
    kernel = _pair(kernel_size)
    return AveragePool(
        kernel,
        kernel if stride is None or stride == () else _pair(stride),
        _pair(padding),
        ceil_mode,
        count_include_pad,
        divisor_override,
    )


def _read_adaptive(_h: Tensor | None, _out: Tensor | None, output_size: Any) -> AdaptiveAveragePool:
    return AdaptiveAveragePool(_pair(output_size))


def _read_flatten(
    h: Tensor | None, out: Tensor | None, start_dim: int = 0, end_dim: int = -1
) -> Reshape | None:
    if h is None or out is None:
        return Reshape(()) if start_dim == 1 and end_dim == -1 else None
    return reshaped(h, out)


def _read_reshape(h: Tensor | None, out: Tensor | None, *_: Any, **__: Any) -> Reshape | None:
    """While tracing nobody knows whether samples stay apart."""
    return None if h is None or out is None else reshaped(h, out)


def _pair(sizes: Any) -> tuple[Any, Any]:
    if not isinstance(sizes, tuple | list):
        return sizes, sizes
    return (sizes[0], sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


#: Functions that are understood where a model calls them without a module.
FUNCTIONS: dict[Any, Reading] = {
    torch.mean: _read_mean,
    Tensor.mean: _read_mean,
    F.avg_pool2d: _read_average_pool,
    F.adaptive_avg_pool2d: _read_adaptive,
    torch.flatten: _read_flatten,
    Tensor.flatten: _read_flatten,
    **dict.fromkeys(
        (torch.reshape, Tensor.reshape, Tensor.view, torch.squeeze, Tensor.squeeze), _read_reshape
    ),
}

#: The same by the name of the method, as tracing sees them.
METHODS: dict[str, Reading] = {
    name: FUNCTIONS[getattr(Tensor, name)] for name in ("mean", "flatten", "reshape", "view", "squeeze")
}


def reading_of(module: nn.Module) -> Callable[[Tensor | None, Tensor | None], Pooling | None] | None:
    """How to read a call of ``module`` as a pooling; None for modules that are none."""
    make = _MODULES.get(type(module))
    return make(module) if make is not None else None


def _of_average_pool(m: nn.AvgPool2d) -> Callable[[Tensor | None, Tensor | None], Pooling | None]:
    options = (m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad, m.divisor_override)
    return lambda h, out: _read_average_pool(h, out, *options)


_MODULES: dict[type[nn.Module], Callable[[Any], Callable[[Tensor | None, Tensor | None], Pooling | None]]] = {
    nn.AdaptiveAvgPool2d: lambda m: lambda h, out: _read_adaptive(h, out, m.output_size),
    nn.AvgPool2d: _of_average_pool,
    nn.Flatten: lambda m: lambda h, out: _read_flatten(h, out, m.start_dim, m.end_dim),
}
