"""The fixed random matrices of a site: R and S in the weight's shape, R_L from the top signal.

They are drawn on the CPU in float32 from (seed, name of the site, which matrix), so that they are the same
on every device, and are no part of a state_dict: the seed is enough to have them back.

R may also be tied to the weight's signs. The variants and their magnitudes are those of Liao et al. 2016 in
the BioTorch reading: uSF ``sign(W) · s``, brSF ``|M| ⊙ sign(W)`` with M drawn anew in every backward pass,
frSF the same with M fixed; s and the scale of M are the standard deviation of the layer's initialisation,
here He's sqrt(2 / fan_in).

Shapes: a weight is (O, I) or (O, I/groups, kH, kW); K classes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

import torch
from torch import Tensor

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.training import FeedbackName


@dataclass(slots=True, eq=False)
class FixedMatrices:
    """The matrices of one site, drawn on first use; scales as decided in ``dsl.primitives``."""

    seed: int
    site: str
    feedback: FeedbackName = "gaussian"
    _drawn: dict[tuple[object, ...], Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.feedback not in get_args(FeedbackName):
            raise InvalidSettings(
                f"no feedback is called {self.feedback!r}",
                field="feedback",
                hint="known: " + ", ".join(get_args(FeedbackName)),
            )

    def random(self, weight: Tensor) -> Tensor:
        """R, shaped, placed and typed as ``weight``."""
        match self.feedback:
            case "gaussian":
                return self._like(weight, "R")
            case "uniform":
                return self._like(weight, "U")
            case "usf":
                return weight.sign().mul_(initial_scale(weight))
            case "frsf":
                return weight.sign().mul_(self._like(weight, "R").abs())
            # From the global generator: fresh magnitudes are noise of the run, not a property of the site.
            case "brsf":
                return torch.randn_like(weight).abs_().mul_(initial_scale(weight)).mul_(weight.sign())

    def bernoulli(self, weight: Tensor) -> Tensor:
        """S, entries −1 and +1, shaped, placed and typed as ``weight``."""
        return self._like(weight, "S")

    def from_top(self, classes: int, h: Tensor) -> Tensor:
        """R_L, shape (K, *) where * is the shape of one sample of ``h``; in h's memory format."""
        shape = (classes, *h.shape[1:])
        return self._keep(
            # Over sqrt(K): b_top · R_L then has the size of b_top whatever the number of classes.
            "R_L",
            shape,
            h,
            lambda generator: torch.randn(shape, generator=generator) / classes**0.5,
        )

    def _like(self, weight: Tensor, kind: str) -> Tensor:
        shape = tuple(weight.shape)

        def draw(generator: torch.Generator) -> Tensor:
            if kind == "U":
                return torch.rand(shape, generator=generator)
            if kind == "S":
                return torch.randint(0, 2, shape, generator=generator).mul_(2).sub_(1).float()
            return torch.randn(shape, generator=generator) * initial_scale(weight)

        return self._keep(kind, shape, weight, draw)

    def _keep(
        self, kind: str, shape: tuple[int, ...], like: Tensor, draw: Callable[[torch.Generator], Tensor]
    ) -> Tensor:
        layout = memory_format(like)
        # The same numbers again for another device, type or layout, as a model moved after conversion needs
        # them.
        key = (kind, shape, like.device, like.dtype, layout)
        if key not in self._drawn:
            text = f"{self.seed} {self.site} {kind} {shape}".encode()
            # 63 bits: torch's seeds are signed. A hash, so that neighbouring seeds and sites share nothing.
            seed = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1
            drawn = draw(torch.Generator().manual_seed(seed))
            self._drawn[key] = drawn.to(like.device, like.dtype).contiguous(memory_format=layout)
        return self._drawn[key]


def initial_scale(weight: Tensor) -> float:
    """sqrt(2 / fan_in), the standard deviation of He's initialisation."""
    return math.sqrt(2.0 / max(1, weight[0].numel()))


def memory_format(x: Tensor) -> torch.memory_format:
    """Channels-last for a tensor that is (and not contiguous too), else contiguous."""
    # A 1×1 tensor is both; calling it contiguous keeps views of it cheap.
    last = x.dim() == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format
