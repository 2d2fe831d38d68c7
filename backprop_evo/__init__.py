"""Evolutionary search for backpropagation update equations.

    import backprop_evo
    converted = backprop_evo.apply_equation(model, "g / fro(g)")

What needs torch is imported when it is first asked for, so that importing this package never loads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_evo.training import apply_equation, apply_indirect_feedback, apply_method, train_child

__all__ = ["apply_equation", "apply_indirect_feedback", "apply_method", "train_child"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from backprop_evo import training

        # Which imports torch: seconds that a command line without need of it must not wait.
        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
