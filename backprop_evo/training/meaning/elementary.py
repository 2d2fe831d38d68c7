"""The torch meaning of every unary and binary function of the language, in the order of the paper's
appendix A.

Each follows the float64 numpy meaning in ``dsl.reference``; the contract test compares the two, and names
what is missing. ``out`` is a tensor that may be overwritten (it may be ``x`` itself) or None; writing there
saves the memory traffic of a fresh tensor, which on a CPU is a tenth of a training step.

A matrix norm or a norm along rows reads a tensor of any rank as a matrix whose rows are its first axis and
whose columns are all other axes joined (appendix A); no reshape is needed for that, so any memory layout
stays as it is.

Shapes: B first axis, * all others.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from backprop_evo.training.meaning import draws, norms
from dsl.primitives import EPSILON

Out = Tensor | None
UnaryFunction = Callable[[Tensor, float, Out], Tensor]
BinaryFunction = Callable[[Tensor, Tensor, Out], Tensor]


def _over_norm(x: Tensor, norm: Tensor, out: Out) -> Tensor:
    return torch.div(x, norm.clamp_(min=EPSILON).to(x.dtype), out=out)


def _per_elem(x: Tensor, p: float, out: Out) -> Tensor:
    return _over_norm(x, norms.norm(x, p), out)


def _per_col(x: Tensor, p: float, out: Out) -> Tensor:
    return _over_norm(x, norms.column_norms(x, p), out)


def _per_row(x: Tensor, p: float, out: Out) -> Tensor:
    return _over_norm(x, norms.row_norms(x, p), out)


def _per_matrix(x: Tensor, p: float, out: Out) -> Tensor:
    sums = norms.column_norms(x, 1) if p == 1 else norms.row_norms(x, 1)
    return _over_norm(x, sums.amin() if p < 0 else sums.amax(), out)


def _transpose(x: Tensor, _c: float, _out: Out) -> Tensor:
    return x.transpose(0, 1)


def _reciprocal(x: Tensor, _c: float, _out: Out) -> Tensor:
    """1 / x with |x| at EPSILON or more, which bounds the result; of zero and minus zero it is positive."""
    return torch.add(x, 0.0).reciprocal_().clamp_(-1 / EPSILON, 1 / EPSILON)


def _divide(x: Tensor, y: Tensor, out: Out) -> Tensor:
    return torch.mul(x, _reciprocal(y, 0.0, None), out=out)


def _positive(x: Tensor, _c: float, _out: Out) -> Tensor:
    ones = torch.ones((), dtype=x.dtype, device=x.device).expand_as(x)
    positive: Tensor = torch.ops.aten.threshold_backward(ones, x, 0)
    return positive


def _root(magnitude: Tensor) -> Tensor:
    """Square root in place, through its reciprocal: torch's own takes seven times as long on zeros (CPU)."""
    return magnitude.rsqrt_().reciprocal_()


def _sqrt(x: Tensor, _c: float, out: Out) -> Tensor:
    return _root(torch.abs(x, out=out))


def _signed_sqrt(x: Tensor, _c: float, _out: Out) -> Tensor:
    return _root(x.abs()).copysign_(x)


def _signed_square(x: Tensor, _c: float, out: Out) -> Tensor:
    return torch.mul(x, x.abs(), out=out)


def _cube(x: Tensor, _c: float, out: Out) -> Tensor:
    return torch.mul(x, x * x, out=out)


def _add_noise(x: Tensor, c: float, _out: Out) -> Tensor:
    return draws.normal_like(x).mul_(c).add_(x)


def _scale_noise(x: Tensor, c: float, _out: Out) -> Tensor:
    return draws.normal_like(x).mul_(c).add_(1.0).mul_(x)


def _drop(x: Tensor, c: float, out: Out) -> Tensor:
    return draws.zero_some_(torch.mul(x, 1 / (1 - c), out=out), c)


#: name → function(x, constant, out); those that remember stand in ``REMEMBERING``.
UNARIES: dict[str, UnaryFunction] = {
    "identity": lambda x, _c, _out: x,
    "transpose": _transpose,
    "reciprocal": _reciprocal,
    "abs": lambda x, _c, out: torch.abs(x, out=out),
    "negate": lambda x, _c, out: torch.neg(x, out=out),
    "positive": _positive,
    "relu": lambda x, _c, out: torch.clamp(x, min=0, out=out),
    "sgn": lambda x, _c, out: torch.sign(x, out=out),
    "sqrt": _sqrt,
    "signed_sqrt": _signed_sqrt,
    "square": lambda x, _c, out: torch.mul(x, x, out=out),
    "signed_square": _signed_square,
    "cube": _cube,
    "scale": lambda x, c, out: torch.mul(x, c, out=out),
    "shift": lambda x, c, out: torch.add(x, c, out=out),
    "add_noise": _add_noise,
    "scale_noise": _scale_noise,
    "drop": _drop,
    "clip": lambda x, c, out: torch.clamp(x, -c, c, out=out),
    "per_elem": _per_elem,
    "per_col": _per_col,
    "per_row": _per_row,
    "per_fro": lambda x, _c, out: _per_elem(x, 2.0, out),
    "per_matrix": _per_matrix,
}


def centred(x: Tensor, mean: Tensor, scale: Tensor, out: Out) -> Tensor:
    """(x − mean) / scale, in the precision of ``mean`` where that is the higher one."""
    if x.dtype == mean.dtype:
        return torch.sub(x, mean, out=out).div_(scale)
    return torch.sub(x, mean).div_(scale).to(x.dtype)


def _standardise(x: Tensor, mean: Tensor, square: Tensor, out: Out) -> Tensor:
    return centred(x, mean, square.clamp(min=EPSILON**2).sqrt_(), out)


#: name → function(x, running averages of x and x² over the first axis, out).
REMEMBERING: dict[str, Callable[[Tensor, Tensor, Tensor, Out], Tensor]] = {"standardise": _standardise}

#: Elementwise binaries: name → function(x, y, out). ``matmul`` and ``left`` are the rule's own business.
BINARIES: dict[str, BinaryFunction] = {
    "add": lambda x, y, out: torch.add(x, y, out=out),
    "subtract": lambda x, y, out: torch.sub(x, y, out=out),
    "multiply": lambda x, y, out: torch.mul(x, y, out=out),
    "divide": _divide,
    "min": lambda x, y, out: torch.minimum(x, y, out=out),
    "max": lambda x, y, out: torch.maximum(x, y, out=out),
}
