"""Train specs by name: the settings of the paper's Table 1, and a quick one for CPUs, with its cascade.

Optimiser, batch, weight decay, augmentation and schedule are those of Loshchilov & Hutter 2016 as far as
Alber et al. 2018 (appendix B) refer to them. The four learning rates the paper mentions are not named
there; the grid of relative steps is ours, and grows where its edge wins. Each preset has a sibling with
momentum 0.9, ``A1-momentum`` and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.training import RelativeStepGrid, TrainSpec

_GRID = RelativeStepGrid(probe_epochs=1.0, extra_probes=3)

A1 = TrainSpec(model="wrn-16-2", data="cifar10", epochs=20, learning_rate=_GRID)
A2 = replace(A1, model="wrn-28-10")
A3 = replace(A1, epochs=100)
B1 = TrainSpec(model="wrn-10-1", data="cifar10", epochs=100, learning_rate=_GRID)
QUICK = TrainSpec(model="wrn-10-1", data="cifar10-mini", epochs=2)

_BASE = {"A1": A1, "A2": A2, "A3": A3, "B1": B1, "quick": QUICK}

PRESETS: Mapping[str, TrainSpec] = MappingProxyType(
    _BASE | {f"{name}-momentum": replace(spec, optimizer="momentum") for name, spec in _BASE.items()}
)


def preset(name: str, **changes: Any) -> TrainSpec:
    """The preset called ``name`` with some fields changed. Raises InvalidSettings for an unknown name."""
    if name not in PRESETS:
        raise InvalidSettings(
            f"no preset is called {name!r}", field="preset", hint="known: " + ", ".join(PRESETS)
        )
    return replace(PRESETS[name], **changes)


QUICK_CASCADE: Mapping[str, Any] = MappingProxyType(
    {
        "rates": "inherited",
        # The first rung is where the probes of the rates end, so that choosing a rate and being compared cost
        # the same steps.
        "pruner": {"name": "asha", "rungs": [6, 24], "reduction": 2.0, "signal": "train_loss"},
    }
)
"""In steps; a training by ``quick`` has 62."""


def cascade(name: str) -> Mapping[str, Any]:
    """What a search by the preset ``name`` has beside its training, as in its JSON document."""
    return QUICK_CASCADE if PRESETS.get(name) in (QUICK, PRESETS["quick-momentum"]) else {}
