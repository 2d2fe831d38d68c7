"""Indirect feedback alignment: the error enters at the lowest layer and is carried *up* by the forward
weights.

    δ_1 = (b_top · R_L) ⊙ σ'(a_1),   δ_l = (W_l δ_{l−1}) ⊙ σ'(a_l)   for the layers above          (Nøkland
    2016)

A layer's signal here depends on the layer below it, so this is no equation of the language and is never
searched; ``known/indirect_feedback.py`` declares it. It is defined for plain chains only: every site's output
has to be what the next site's activation is applied to.

Shapes: b_top (B, K); a_l, δ_l (B, *).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.meaning.linear_ops import with_poolings
from backprop_evo.training.meaning.notes import Below, look_below
from backprop_evo.training.meaning.rules import Needs
from backprop_evo.training.meaning.site_view import SiteView
from backprop_evo.training.methods.conversion import Conversion, apply_equation
from backprop_evo.training.methods.sites import Site, SiteRule

DIRECT = "b_top_R_L_dh"


def apply_indirect_feedback(model: nn.Module, *, copy: bool = False, seed: int = 0) -> Conversion:
    """Converts a chain of layers, as ``apply_equation`` does, to indirect feedback alignment.

    Raises InvalidSettings in the first backward pass where the model is no plain chain.
    """
    # Direct feedback needs what this needs: b_top, R_L and dh; the rule is then replaced.
    conversion = apply_equation(model, DIRECT, copy=copy, seed=seed)
    chain = _Chain()
    for site in conversion.sites:
        site.rule = _CarriedUp(site.rule, chain, site)
        hook = site.layer.register_forward_pre_hook(_noting(chain, site))
        conversion.on_undo(hook.remove)
    return conversion


@dataclass(slots=True, eq=False)
class _Chain:
    """The sites of the pass under way, lowest first, with what their activations were applied to."""

    sites: list[Site] = field(default_factory=list)
    below: dict[str, Below] = field(default_factory=dict)
    signals: dict[str, Tensor] = field(default_factory=dict)

    def note(self, site: Site, h: Tensor) -> None:
        # The lowest layer again: a new forward pass begins.
        if site.name in self.below:
            self.sites.clear()
            self.below.clear()
        self.sites.append(site)
        below = look_below(h)
        self.below[site.name] = replace(below, h_pre=below.h_pre.detach(), h=below.h.detach())
        self.signals.clear()

    def signal(self, site: Site, view: SiteView) -> Tensor:
        if not self.signals:
            self._carry_up(view.b_top())
        # Taken out: the next backward pass finds the store empty and carries up anew.
        return self.signals.pop(site.name)

    def _carry_up(self, b_top_BK: Tensor) -> None:
        lowest, *others = self.sites
        h = self.below[lowest.name].h
        R_L = lowest.matrices.from_top(b_top_BK.shape[1], h).flatten(1)
        delta = self._pull(lowest, b_top_BK.mm(R_L).view(h.shape))
        self.signals[lowest.name] = delta
        for under, site in zip(self.sites, others, strict=False):
            op = with_poolings(under.op, self.below[under.name].poolings)
            delta = self._pull(site, op.forward(delta, under.layer.weight.detach().to(delta.dtype)))
            self.signals[site.name] = delta

    def _pull(self, site: Site, delta: Tensor) -> Tensor:
        below = self.below[site.name]
        if delta.shape != below.h.shape:
            raise InvalidSettings(
                f"indirect feedback needs a plain chain, but what reaches {site.name} has shape "
                f"{tuple(below.h.shape[1:])} where the layer below it gives {tuple(delta.shape[1:])}",
                field="model",
                hint="direct feedback alignment (the equation b_top_R_L_dh) trains every model",
            )
        if below.activation.is_identity:
            return delta
        return below.activation.pull(delta, below.h if below.activation.from_output else below.h_pre, None)


@dataclass(frozen=True, slots=True)
class _CarriedUp:
    """What stands in a rule's place at one site of the chain."""

    direct: SiteRule
    chain: _Chain
    site: Site

    @property
    def needs(self) -> Needs:
        return self.direct.needs

    @property
    def transport(self) -> None:
        return None

    def __call__(self, view: SiteView) -> Tensor:
        return self.chain.signal(self.site, view)


def _noting(chain: _Chain, site: Site) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def note(_layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        if torch.is_grad_enabled() and inputs[0].requires_grad:
            chain.note(site, inputs[0])

    return note
