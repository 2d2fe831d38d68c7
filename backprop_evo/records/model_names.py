"""The names of child models: ``wrn-D-K``, ``cnn``, ``mlp-W[-W…][-bn][-tanh|-sigmoid]``.

The grammar alone, so that a service without torch can check what a worker will build.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from backprop_evo.errors import InvalidSettings

MODEL_HINT = (
    "known models: wrn-D-K with D = 10, 16, 22, 28, … (wrn-10-1, wrn-16-2), cnn, "
    "mlp-W[-W…][-bn][-tanh|-sigmoid] (mlp-112-16, mlp-256-256-bn, mlp-240-240-tanh)"
)


MAX_DEPTH, MAX_WIDTH = 1000, 64
"""A WRN-1000-64 has eleven thousand million weights: more than any GPU here could hold a child of."""

MAX_LAYERS, MAX_UNITS = 100, 65_536
MODEL_LIMIT = (
    f"at most wrn-{MAX_DEPTH}-{MAX_WIDTH}, or an mlp of {MAX_LAYERS} layers of {MAX_UNITS:,} units at most"
)


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name taken apart. ``sizes``: depth and width of a wrn, the hidden widths of an mlp, none of the
    cnn. ``batch_norm`` and ``activation`` are an mlp's.
    """

    kind: Literal["wrn", "cnn", "mlp"]
    sizes: tuple[int, ...] = ()
    activation: str = "relu"
    batch_norm: bool = False

    @property
    def has_convolutions(self) -> bool:
        """Whether channels-last memory can pay off."""
        return self.kind != "mlp"


def parse_model_name(name: str) -> ModelName:
    """Raises InvalidSettings for a name that is no model."""
    if match := re.fullmatch(r"wrn-(\d{1,4})-(\d{1,3})", name):
        depth, width = int(match[1]), int(match[2])
        blocks_per_group(depth, width)
        return ModelName("wrn", (depth, width))
    if match := re.fullmatch(r"mlp((?:-\d{1,6})+)(-bn)?(?:-(tanh|sigmoid|relu))?", name):
        widths = tuple(int(width) for width in match[1][1:].split("-"))
        if all(widths):
            return ModelName("mlp", widths, match[3] or "relu", match[2] is not None)
    if name == "cnn":
        return ModelName("cnn")
    raise InvalidSettings(f"no model is called {name!r}", field="train.model", hint=MODEL_HINT)


def is_within_limit(name: str) -> bool:
    """Whether a model may be asked for; True for a name that is no model, which is refused as such."""
    try:
        model = parse_model_name(name)
    except InvalidSettings:
        return True
    if model.kind == "wrn":
        return model.sizes[0] <= MAX_DEPTH and model.sizes[1] <= MAX_WIDTH
    return len(model.sizes) <= MAX_LAYERS and all(size <= MAX_UNITS for size in model.sizes)


def blocks_per_group(depth: int, width: int) -> int:
    """n of a Wide ResNet of ``depth`` = 6 n + 4 layers (Zagoruyko & Komodakis 2016). Raises
    InvalidSettings.
    """
    if depth < 10 or (depth - 4) % 6 or width < 1:
        raise InvalidSettings(
            f"there is no wrn-{depth}-{width}: depth is 10, 16, 22, 28, … and width at least 1",
            field="train.model",
            hint=MODEL_HINT,
        )
    return (depth - 4) // 6
