"""The torch wing: child models, sites, and the loop that trains them. Imports with torch and numpy alone.

Five rooms, lowest first, which is also the order to read them in:

    models/    the child networks, ordinary modules without any knowledge of equations
    meaning/   what an equation computes in one backward pass of one site
    methods/   what a child is trained by: conversion of a model to sites, and the registry of methods
    sequences/ recurrent networks on sequences, apart from all that follows
    run/       one training from its spec to its result: data, steps, guards, choice of the rate

``apply_equation`` puts an equation into any model, ``apply_method`` any method; ``train_child`` trains one of
ours from a ``TrainSpec``.
What needs torch is imported when it is first asked for: the service reads which methods there are without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_evo.records import presets
    from backprop_evo.training.methods.application import apply_method
    from backprop_evo.training.methods.conversion import Conversion, LeftAlone, apply_equation
    from backprop_evo.training.methods.indirect_feedback import apply_indirect_feedback
    from backprop_evo.training.run.trainer import train_child

_HOMES = {
    "Conversion": "backprop_evo.training.methods.conversion",
    "LeftAlone": "backprop_evo.training.methods.conversion",
    "apply_equation": "backprop_evo.training.methods.conversion",
    "apply_indirect_feedback": "backprop_evo.training.methods.indirect_feedback",
    "apply_method": "backprop_evo.training.methods.application",
    "train_child": "backprop_evo.training.run.trainer",
}

__all__ = [
    "Conversion",
    "LeftAlone",
    "apply_equation",
    "apply_indirect_feedback",
    "apply_method",
    "presets",
    "train_child",
]


def __getattr__(name: str) -> Any:
    if name == "presets":
        return import_module("backprop_evo.records.presets")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
