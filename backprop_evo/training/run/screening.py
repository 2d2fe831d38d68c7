"""One look at a child's first backward pass: what sends nothing, or no numbers, needs no training.

Certain, not likely: a weight whose first update is NaN or infinite is no number after the first step at any
rate, and so is the loss after it; where every update below the classifier is zero, there is no rate that
would move a weight. A signal that is zero at some layers alone goes on, for the others may learn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from backprop_evo.records.states import TrialState
from backprop_evo.training.run.guards import EndedEarly

SMALLEST_UPDATE = 1e-30
"""Of the weight: what is smaller counts as none, for no rate that float32 holds would make it one."""


def screen(sizes: Mapping[str, float]) -> None:
    """Raises EndedEarly as SCREENED where nothing below the classifier can learn.

    ``sizes`` is ‖first update‖ / ‖weight‖ by the name of each layer, from the input up.
    """
    # From the top down: there the signal breaks first, and spoils what is below.
    for name, size in reversed(list(sizes.items())):
        if not math.isfinite(size):
            raise EndedEarly(
                TrialState.SCREENED,
                f"screened out: the first signal that arrives at the layer {name} is NaN or infinite",
            )
    if sizes and max(sizes.values()) <= SMALLEST_UPDATE:
        raise EndedEarly(
            TrialState.SCREENED,
            "screened out: the first signal is zero at every layer below the classifier",
        )
