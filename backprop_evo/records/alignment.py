"""How far a method's updates point where plain backprop's would."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlignmentPoint:
    """One measurement at one site: angles in degrees, ``norm_ratio`` = ‖update‖ / ‖true gradient‖."""

    step: int
    site: str
    update_angle: float
    norm_ratio: float
    feedback_angle: float | None
