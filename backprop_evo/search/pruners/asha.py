"""Asynchronous successive halving (Li et al. 2018, "A System for Massively Parallel Hyperparameter Tuning"):
of all that were measured at a rung so far, the best 1/η go on.

In the stopping form, as Optuna and Ray have it: a training is judged once, when it reaches the rung, and
goes on or ends at once. Nothing is paused and taken up again, so that no worker has to keep a network for a
training that may never go on. The price: who comes when few are there may go on and would not have later,
and who was stopped is not called back when worse ones follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.training import IntermediateValue
from backprop_evo.search.pruners.pruner import merit, shown


@dataclass(frozen=True, slots=True)
class SuccessiveHalving:
    """With n measured at the rung, the value itself among them, it goes on as one of the best
    max(1, ⌊n / reduction⌋); ties do."""

    name: str = "asha"
    summary: str = "lets the best 1/reduction of those measured at a step go on: successive halving"
    needs_rungs: bool = True

    def reason(
        self, value: IntermediateValue, peers: Sequence[IntermediateValue], spec: PrunerSpec
    ) -> str | None:
        """None with fewer than ``min_trials`` peers: the best of a few is luck."""
        if len(peers) < spec.min_trials:
            return None
        own, measured = merit(value, spec), len(peers) + 1
        better = sum(merit(peer, spec) > own for peer in peers)
        places = max(1, int(measured / spec.reduction))
        if better < places:
            return None
        return f"{shown(own, spec)} is number {better + 1} of {measured}, the best {places} go on"


PRUNER = SuccessiveHalving()
