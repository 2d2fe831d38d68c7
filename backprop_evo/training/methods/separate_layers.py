"""Whether each layer of a network can be trained by itself: asked by methods that give each its own loss or
its own model."""

from __future__ import annotations

from torch import nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.methods.discovery import look_below_layers

_HINT = "an equation trains every model: apply_equation(model, …)"


def require_separate_layers(model: nn.Module, method: str) -> None:
    """Raises InvalidSettings for attention, recurrence, and layers that share weights or are called twice."""
    owners: dict[int, str] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, nn.MultiheadAttention | nn.RNNBase):
            kind = "attention" if isinstance(module, nn.MultiheadAttention) else "a recurrent layer"
            raise _refused(method, f"{name or type(model).__name__} is {kind}")
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        first = owners.setdefault(id(module.weight), name)
        if first != name:
            raise _refused(method, f"{first} and {name} share their weights")
    calls = look_below_layers(model).calls
    if repeated := [name for name, count in calls.items() if count > 1]:
        raise _refused(method, f"{repeated[0]} is called {calls[repeated[0]]} times in one pass")


def _refused(method: str, why: str) -> InvalidSettings:
    return InvalidSettings(
        f"{method} trains each layer by itself, which this model does not allow: {why}",
        field="model",
        hint=_HINT,
    )
