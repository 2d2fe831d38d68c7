"""How a layer finds what stands below it: notes on tensors.

An activation leaves a note on its output that says which tensor it came from; so does a pooling
(``poolings``). A linear layer that finds a valid note on its input, or follows those of poolings down to
one, forms a site with that activation; without it the site's σ is the identity and the layer's own input
its h. Working on tensors and not on source text, this holds for any control flow. A note dies with the
tensor that carries it, and is void once a tensor that it speaks of was changed in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from backprop_evo.training.meaning.activations import FUNCTIONS, FUNCTIONS_IN_PLACE, IDENTITY, Activation
from backprop_evo.training.meaning.poolings import FUNCTIONS as POOLING_FUNCTIONS
from backprop_evo.training.meaning.poolings import Pooling


@dataclass(frozen=True, slots=True, eq=False)
class Below:
    """What a layer stands on: h_pre → σ → h → poolings, the lowest first → the layer's input."""

    h_pre: Tensor
    h: Tensor
    activation: Activation
    poolings: tuple[Pooling, ...]


@dataclass(slots=True, eq=False)
class _Activated:
    h_pre: Tensor
    activation: Activation
    version: int


@dataclass(slots=True, eq=False)
class _PooledFrom:
    source: Tensor
    pooling: Pooling
    versions: tuple[int, int]


def activate(h_pre: Tensor, activation: Activation, *, keep_input: bool = False) -> Tensor:
    """σ(h_pre) with the note that lets a linear layer above it form a site.

    ``keep_input`` remembers h_pre for σ's own gradient in place of h, so that a site which needs h_pre
    costs no second tensor.
    """
    # Nothing will come back through here: no note, and none of its memory.
    if not (torch.is_grad_enabled() and h_pre.requires_grad):
        return activation.value(h_pre)
    h = _FromInput.apply(h_pre, activation) if keep_input else activation.value(h_pre)  # type: ignore[no-untyped-call]
    return _note_activation(h, h_pre, activation)


def _note_activation(h: Tensor, h_pre: Tensor, activation: Activation) -> Tensor:
    # On the tensor itself: it lives as long as the tensor, whatever the model does with it.
    h._below = _Activated(h_pre, activation, h._version)  # type: ignore[attr-defined]
    return h


def note_pooling(out: Tensor, source: Tensor, pooling: Pooling | None) -> Tensor:
    """``out`` with the note that ``pooling`` made it of ``source``, where that matters to a gradient."""
    if pooling is not None and out is not source and out.requires_grad:
        out._below = _PooledFrom(source, pooling, (out._version, source._version))  # type: ignore[attr-defined]
    return out


def look_below(x: Tensor) -> Below:
    """What the layer whose input is ``x`` stands on."""
    h, poolings, note = x, [], getattr(x, "_below", None)
    # torch counts changes in place; a tensor that was changed is no longer what the note says.
    while isinstance(note, _PooledFrom) and note.versions == (h._version, note.source._version):
        poolings.append(note.pooling)
        h, note = note.source, getattr(note.source, "_below", None)
    if not isinstance(note, _Activated) or note.version != h._version:
        return Below(x, x, IDENTITY, ())
    return Below(note.h_pre, h, note.activation, tuple(reversed(poolings)))


class _FromInput(torch.autograd.Function):
    """σ with its usual gradient, remembering its input whatever σ is."""

    @staticmethod
    def forward(ctx: Any, h_pre: Tensor, activation: Activation) -> Tensor:
        ctx.save_for_backward(h_pre)
        ctx.activation = activation
        return activation.value(h_pre)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, b: Tensor) -> tuple[Tensor, None]:
        (h_pre,) = ctx.saved_tensors
        activation: Activation = ctx.activation
        return activation.pull(b, activation.value(h_pre) if activation.from_output else h_pre, None), None


class NoticeFunctions(TorchFunctionMode):
    """While active, activations and poolings that are called as functions leave their note too.

    An in-place call stays one, so that code which ignores its result means the same; the value before is
    copied.
    """

    def __init__(self, keep_input: bool) -> None:
        super().__init__()
        self._keep_input = keep_input

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in POOLING_FUNCTIONS:
            return _pool(func, args, kwargs)
        activation = FUNCTIONS.get(func)
        in_place = FUNCTIONS_IN_PLACE.get(func)
        if activation is None and in_place is None:
            return func(*args, **kwargs)
        h_pre = args[0] if args else kwargs["input"]
        # ``inplace`` may come by position: F.relu(x, True).
        if activation is not None and not (kwargs.get("inplace") or (len(args) > 1 and args[1])):
            return activate(h_pre, activation, keep_input=self._keep_input)
        # The call overwrites it, and dh of some activations is read from it.
        before = h_pre.clone()
        return _note_activation(func(*args, **kwargs), before, activation or in_place or IDENTITY)


def _pool(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    out = func(*args, **kwargs)
    if not (isinstance(out, Tensor) and out.requires_grad):
        return out
    options = {name: value for name, value in kwargs.items() if name != "input"}
    source = args[0] if args else kwargs["input"]
    return note_pooling(out, source, POOLING_FUNCTIONS[func](source, out, *args[1:], **options))
