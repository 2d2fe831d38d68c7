"""A site: an activation and the linear operation above it, with one equation in place of their gradient.

Figure 1 of Alber et al. 2018: the equation replaces the step from b_{i+1}^p to b_i^p, which runs through
the linear operation of layer i + 1 and the activation of layer i. One ``autograd.Function`` around the pair
does exactly that; sums of several consumers, BatchNorm, maxima and everything else keep autograd's
gradient. Average pooling and flattening between the two are part of the linear operation. The weight's
gradient is the usual outer product of the layer's input with the b_{i+1}^p that arrived, the bias's its
usual sum.

Shapes: B sample, I in, O out, K classes; IN is (B, *) as h_i, OUT (B, *) as h_{i+1}^p.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from backprop_evo.errors import InvalidInput
from backprop_evo.training.meaning.activations import Activation
from backprop_evo.training.meaning.feedback import FixedMatrices
from backprop_evo.training.meaning.linear_ops import LinearOp, with_poolings
from backprop_evo.training.meaning.notes import look_below
from backprop_evo.training.meaning.poolings import Pooling
from backprop_evo.training.meaning.rules import Needs
from backprop_evo.training.meaning.site_view import SiteView, Transport
from backprop_evo.training.meaning.statistics import RunningStatistics


class TopSignalMissing(InvalidInput):
    """An equation asked for b_top, but the backward pass did not start at the converted model's output."""


class ActivationHidden(InvalidInput):
    """Something at run time stands between a layer and the activation that tracing found below it."""


@dataclass(slots=True)
class TopSignal:
    """b_L^p of the backward pass that is under way: the loss gradient at the model's output, shape (B, K)."""

    value: Tensor | None = None

    def read(self) -> Tensor:
        """Shape (B, K). Raises ``TopSignalMissing`` where the backward pass did not come by the output."""
        if self.value is None:
            raise TopSignalMissing(
                "the equation uses b_top, the loss gradient at the model's output, "
                "which this backward pass never reached",
                hint="call the converted model itself, not a part of it, and let the loss use its output",
            )
        return self.value


class SiteRule(Protocol):
    """What a site follows: a compiled equation, as a rule."""

    @property
    def needs(self) -> Needs:
        """What the site has to keep or make for it before the backward pass."""

    @property
    def transport(self) -> Transport | None:
        """How it brings b_next down, where it is nothing but that; None for everything else."""

    def __call__(self, view: SiteView, /) -> Tensor:
        """The signal at h_pre, in the shape of h_pre. Must not write to what ``view`` shows."""


@dataclass(slots=True, eq=False)
class Site:
    """What one converted layer carries. Called in place of the layer's ``forward``.

    ``op`` is the layer's own operation; a pass puts the ``poolings`` that it finds below into it.
    ``expected`` is σ's name as tracing found it, None where it cannot tell; ``activation`` that of the last
    pass. ``between`` names what tracing found between the layer and the next activation, if anything.
    """

    name: str
    layer: nn.Linear | nn.Conv2d
    op: LinearOp
    rule: SiteRule
    matrices: FixedMatrices
    top: TopSignal
    statistics: RunningStatistics = field(default_factory=RunningStatistics)
    expected: str | None = None
    activation: str | None = None
    poolings: tuple[Pooling, ...] = ()
    between: str | None = None
    backward_passes: int = 0

    def __call__(self, input: Tensor) -> Tensor:
        """The layer's output. Without a gradient on its input nothing is recorded. Raises
        ``ActivationHidden``."""
        layer = self.layer
        # Evaluation, and layers with nothing below them to update: the plain operation is all there is.
        if not (torch.is_grad_enabled() and input.requires_grad):
            return self.op.forward(input, layer.weight, layer.bias)
        below = look_below(input)
        # Silently the equation would be another one: dh would be constant 1 here.
        if below.activation.is_identity and self.expected not in (None, below.activation.name):
            raise ActivationHidden(
                f"{self.name} stands above a {self.expected}, but its input no longer shows it",
                hint="a backward hook on the layer or a change of the input in place hides it: remove that, "
                "and call the converted model itself, not a part of it",
            )
        self.activation, self.poolings = below.activation.name, below.poolings
        h = None if below.activation.is_identity else below.h.detach()
        x = input.detach() if below.poolings else None
        op = with_poolings(self.op, below.poolings)
        out: Tensor = _SiteFunction.apply(  # type: ignore[no-untyped-call]
            below.h_pre, h, x, layer.weight, layer.bias, self, below.activation, op
        )
        return out


def _remembers_input(needs: Needs, activation: Activation) -> bool:
    """Whether h_pre must be kept; h is then recomputed from it, so that one tensor is enough."""
    if activation.is_identity:
        return False
    return needs.h_pre or (needs.derivative and not activation.from_output)


class _SiteFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        h_pre: Tensor,
        h: Tensor | None,
        x: Tensor | None,
        weight: Tensor,
        bias: Tensor | None,
        site: Site,
        activation: Activation,
        op: LinearOp,
    ) -> Tensor:
        """``h`` is None where σ is the identity, ``x``, the layer's input, where it is h."""
        h = h_pre if h is None else h
        x = h if x is None else x
        device = h.device.type
        # Cast here, as autocast would within, so that what is kept for the backward pass is the small copy.
        if torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
            h, x = h.to(dtype), x.to(dtype)
            weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
        out = site.op.forward(x, weight, bias)
        ctx.site, ctx.activation, ctx.op, ctx.signal_dtype = site, activation, op, h_pre.dtype
        ctx.remembers_input = _remembers_input(site.rule.needs, activation)
        kept = h_pre if ctx.remembers_input else h
        ctx.save_for_backward(kept, weight, out if site.rule.needs.h_next_pre else None)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, b_next: Tensor) -> tuple[Tensor | None, ...]:
        # Norms and averages of an equation are taken in float32 on purpose; autocast would cast their parts.
        with torch.autocast(b_next.device.type, enabled=False):
            return _site_backward(ctx, b_next)


def _site_backward(ctx: Any, b_next: Tensor) -> tuple[Tensor | None, ...]:
    site: Site = ctx.site
    activation: Activation = ctx.activation
    kept, weight, h_next_pre = ctx.saved_tensors
    h_pre = kept if ctx.remembers_input or activation.is_identity else None
    # Computed again: cheaper than keeping a second tensor of that size for every site.
    h = activation.value(kept) if ctx.remembers_input else kept
    h = h.to(weight.dtype)
    wants_signal, _, _, wants_weight, wants_bias = ctx.needs_input_grad[:5]
    view = SiteView(
        op=ctx.op,
        activation=activation,
        weight=weight,
        h=h,
        kept_h_pre=h_pre,
        kept_h_next_pre=h_next_pre,
        b_next=b_next.to(weight.dtype),
        # Read only where it is needed: without b_top a part of the model may be called alone.
        top=site.top.read if site.rule.needs.b_top else _no_top,
        matrices=site.matrices,
        statistics=site.statistics,
    )
    # First, because the same call brings b_next down, which the rule then finds done.
    d_weight, d_bias = view.weight_gradients(site.rule.transport, wants_signal, wants_weight, wants_bias)
    signal = None
    if wants_signal:
        site.backward_passes += 1
        signal = site.rule(view).to(ctx.signal_dtype)
    layer = site.layer
    return (
        signal,
        None,
        None,
        None if d_weight is None else d_weight.to(layer.weight.dtype),
        None if d_bias is None or layer.bias is None else d_bias.to(layer.bias.dtype),
        None,
        None,
        None,
    )


def _no_top() -> Tensor:
    raise AssertionError("a rule that reads b_top must say so in its needs")
