"""The activation σ of a site: its value and its derivative, and the modules and functions that compute it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Activation:
    """σ as two functions: ``value(h_pre)`` and ``pull(b, x, out)`` = b ⊙ σ', written to ``out`` where given.

    ``x`` is h where ``from_output`` is set (cheaper in memory: the linear operation keeps h anyway), else
    h_pre.
    """

    name: str
    value: Callable[[Tensor], Tensor] = field(repr=False)
    pull: Callable[[Tensor, Tensor, Tensor | None], Tensor] = field(repr=False)
    from_output: bool = True

    @property
    def is_identity(self) -> bool:
        """True where no activation stands before the linear operation: dh is all ones."""
        return self.name == "identity"


def _into(
    function: Any, *constants: Any, **options: Any
) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """An aten gradient function (b, x, constants…) with an optional place for its result."""
    plain, placed = function.default, function.grad_input

    def pull(b: Tensor, x: Tensor, out: Tensor | None) -> Tensor:
        if out is None:
            gradient: Tensor = plain(b, x, *constants, **options)
            return gradient
        placed(b, x, *constants, **options, grad_input=out)
        return out

    return pull


IDENTITY = Activation("identity", lambda h_pre: h_pre, lambda b, _h, _out: b)
RELU = Activation("relu", torch.relu, _into(aten.threshold_backward, 0))
TANH = Activation("tanh", torch.tanh, _into(aten.tanh_backward))
SIGMOID = Activation("sigmoid", torch.sigmoid, _into(aten.sigmoid_backward))
HARDSWISH = Activation(
    "hardswish", F.hardswish, lambda b, x, _out: aten.hardswish_backward(b, x), from_output=False
)
HARDSIGMOID = Activation("hardsigmoid", F.hardsigmoid, _into(aten.hardsigmoid_backward), from_output=False)
SILU = Activation("silu", F.silu, _into(aten.silu_backward), from_output=False)


def _hardtanh(low: float, high: float, name: str) -> Activation:
    return Activation(
        name,
        lambda h_pre: F.hardtanh(h_pre, low, high),
        _into(aten.hardtanh_backward, low, high),
        from_output=False,
    )


def _leaky(slope: float) -> Activation:
    return Activation(
        "leaky_relu",
        lambda h_pre: F.leaky_relu(h_pre, slope),
        _into(aten.leaky_relu_backward, slope, False),
        from_output=False,
    )


def _elu(alpha: float) -> Activation:
    return Activation(
        "elu",
        lambda h_pre: F.elu(h_pre, alpha),
        lambda b, h_pre, _out: aten.elu_backward(b, alpha, 1, 1, False, h_pre),
        from_output=False,
    )


def _gelu(approximate: str) -> Activation:
    return Activation(
        "gelu",
        lambda h_pre: F.gelu(h_pre, approximate=approximate),
        _into(aten.gelu_backward, approximate=approximate),
        from_output=False,
    )


def activation_of(module: nn.Module) -> Activation | None:
    """The activation that ``module`` computes; None for others and for those with parameters."""
    make = _MODULES.get(type(module))
    return make(module) if make is not None else None


_MODULES: dict[type[nn.Module], Callable[[Any], Activation]] = {
    nn.ReLU: lambda _: RELU,
    nn.Tanh: lambda _: TANH,
    nn.Sigmoid: lambda _: SIGMOID,
    nn.Hardswish: lambda _: HARDSWISH,
    nn.Hardsigmoid: lambda _: HARDSIGMOID,
    nn.SiLU: lambda _: SILU,
    nn.ReLU6: lambda _: _hardtanh(0.0, 6.0, "relu6"),
    nn.Hardtanh: lambda m: _hardtanh(m.min_val, m.max_val, "hardtanh"),
    nn.LeakyReLU: lambda m: _leaky(m.negative_slope),
    nn.ELU: lambda m: _elu(m.alpha),
    nn.GELU: lambda m: _gelu(m.approximate),
}

#: Functions and methods that are understood where a model calls them without a module.
FUNCTIONS: dict[Any, Activation] = {
    **dict.fromkeys((torch.relu, F.relu, Tensor.relu), RELU),
    **dict.fromkeys((torch.tanh, F.tanh, Tensor.tanh), TANH),
    **dict.fromkeys((torch.sigmoid, F.sigmoid, Tensor.sigmoid), SIGMOID),
    F.hardswish: HARDSWISH,
    F.hardsigmoid: HARDSIGMOID,
    F.silu: SILU,
}
FUNCTIONS_IN_PLACE: dict[Any, Activation] = {
    **dict.fromkeys((torch.relu_, F.relu_, Tensor.relu_), RELU),
    **dict.fromkeys((torch.tanh_, Tensor.tanh_), TANH),
    **dict.fromkeys((torch.sigmoid_, Tensor.sigmoid_), SIGMOID),
}
