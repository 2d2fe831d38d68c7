"""The HSIC bottleneck: every stage has a loss of its own, and no error is sent back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_evo.training.methods.declaration import Declared
from backprop_evo.training.methods.hsic.settings import HsicSettings, check, fits

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner


def prepare(settings: HsicSettings, child: FreshChild) -> Learner:
    """The network cut into its stages."""
    from backprop_evo.training.methods.hsic.learner import prepare

    return prepare(settings, child)


def text(settings: HsicSettings) -> str:
    """With what tells two of them apart on a leaderboard."""
    formatted = f", format {settings.format_share:g}" if settings.format_share > 0 else ""
    return f"HSIC bottleneck (σ {settings.sigma}, β {settings.beta:g}{formatted})"


METHOD = Declared(
    name="hsic",
    title="HSIC bottleneck",
    description="Every stage learns by a loss of its own to keep what tells the class and forget the image; "
    "no error is sent back.",
    source="Ma, Lewis & Kleijn 2020 (arXiv:1908.01580)",
    settings=HsicSettings,
    check=check,
    fits=fits,
    text=text,
    prepare=prepare,
)
