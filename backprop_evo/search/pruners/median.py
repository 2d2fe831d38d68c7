"""The median stopping rule (Golovin et al. 2017, section 3.2.2, at one step instead of over a running mean):
a training that stands behind the median of the others at the same rung ends there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.training import IntermediateValue
from backprop_evo.search.pruners.pruner import merit, shown


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
        own, middle = merit(value, spec), median(merit(peer, spec) for peer in peers)
        if own >= middle:
            return None
        number = shown(middle, spec).rsplit(maxsplit=1)[-1]
        return f"{shown(own, spec)}, the median of {len(peers)} trials is {number}"


PRUNER = Median()
