"""The median stopping rule (Golovin et al. 2017, section 3.2.2, at one step instead of over a running mean):
a training that stands behind the median of the others at the same rung ends there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from backprop_evo.records.searching import PrunerSpec
from backprop_evo.records.training import IntermediateValue


@dataclass(frozen=True, slots=True)
class Median:
    """Half of what arrives at a rung goes on; ties with the median do."""

    name: str = "median"
    summary: str = "stops a training that stands behind the median of the others at the same step"
    needs_rungs: bool = True

    def reason(
        self, value: IntermediateValue, peers: Sequence[IntermediateValue], spec: PrunerSpec
    ) -> str | None:
        """None with fewer than ``min_trials`` peers, for the median of a few is luck; a tie goes on."""
        if len(peers) < spec.min_trials:
            return None
        if spec.signal == "train_loss":
            middle = median(peer.train_loss for peer in peers)
            is_behind, stands = value.train_loss > middle, f"training loss {value.train_loss:.3f}"
            shown = f"{middle:.3f}"
        else:
            middle = median(peer.validation_accuracy for peer in peers)
            is_behind, stands = (
                value.validation_accuracy < middle,
                f"validation {value.validation_accuracy:.1%}",
            )
            shown = f"{middle:.1%}"
        return f"{stands}, the median of {len(peers)} trials is {shown}" if is_behind else None


PRUNER = Median()
