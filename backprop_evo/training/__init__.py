"""The torch wing: child models, sites, and the loop that trains them. Imports with torch and numpy alone.

``apply_equation`` puts an equation into any model; ``train_child`` trains one of ours from a ``TrainSpec``.
"""

from __future__ import annotations

from backprop_evo.training import presets
from backprop_evo.training.conversion import Conversion, LeftAlone, apply_equation
from backprop_evo.training.feedback import Feedback
from backprop_evo.training.indirect_feedback import apply_indirect_feedback
from backprop_evo.training.trainer import train_child

__all__ = [
    "Conversion",
    "Feedback",
    "LeftAlone",
    "apply_equation",
    "apply_indirect_feedback",
    "presets",
    "train_child",
]
