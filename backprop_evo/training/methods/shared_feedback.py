"""One fixed random matrix B for all layers: what each gets of the output's error is cut from the same one.

    direct     δ_l = (b_top · B[:, :n_l]) ⊙ σ'(a_l)   at every layer               (Launay et al. 2020)
    indirect   δ_1 = (b_top · B[:, :n_1]) ⊙ σ'(a_1)   at the lowest, carried up by
                                                      the forward weights          (Nøkland 2016)

Layers of one width get the same signal but for σ'. Perceptrons only: there a layer's inputs are known before
the first pass. Shapes: B (K, N), N the widest input of a site; K classes, n_l inputs of site l.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.meaning.feedback import FixedMatrices
from backprop_evo.training.methods.conversion import Conversion, apply_equation
from backprop_evo.training.methods.indirect_feedback import DIRECT, apply_indirect_feedback


@dataclass(slots=True, eq=False)
class SharedMatrices(FixedMatrices):
    """A site's matrices, of which R_L is the first columns of one that all sites have."""

    widest: int = 0
    _whole: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def from_top(self, classes: int, h: Tensor) -> Tensor:
        """R_L, shape (K, *) where * is the shape of one sample of ``h``."""
        if classes not in self._whole:
            digest = hashlib.sha256(f"{self.seed} shared R_L {self.widest}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
            # The scale of a matrix of one's own: ``FixedMatrices.from_top``.
            self._whole[classes] = torch.randn(classes, self.widest, generator=generator) / classes**0.5
        columns = self._whole[classes][:, : h[0].numel()]
        return columns.to(h.device, h.dtype).view(classes, *h.shape[1:])


def apply_shared_feedback(model: nn.Module, *, indirect: bool, seed: int = 0) -> Conversion:
    """Converts a perceptron, as ``apply_equation`` does, to direct or indirect feedback through one B.

    Raises InvalidSettings for a model with convolutions.
    """
    if convolution := next((n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)), None):
        raise InvalidSettings(
            f"one shared matrix is cut by the widths of Linear layers, and {convolution} is a convolution",
            field="model",
            hint="direct-feedback-alignment has a matrix for each layer and trains every model",
        )
    convert = apply_indirect_feedback if indirect else _direct
    conversion = convert(model, seed=seed)
    widest = max(site.layer.weight.shape[1] for site in conversion.sites)
    whole: dict[int, Tensor] = {}
    for site in conversion.sites:
        site.matrices = SharedMatrices(seed=seed, site=site.name, widest=widest, _whole=whole)
    return conversion


def _direct(model: nn.Module, *, seed: int = 0) -> Conversion:
    return apply_equation(model, DIRECT, seed=seed)
