"""What a pruner is given, and which stored values it may look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backprop_evo.records.searching import PrunerSpec, Purpose
from backprop_evo.records.stored import IntermediateRecord
from backprop_evo.records.training import IntermediateValue


class Pruner(Protocol):
    """``reason`` is a pure function: the same values give the same decision whenever it is asked."""

    @property
    def name(self) -> str:
        """As search specs have it."""

    @property
    def summary(self) -> str:
        """One line for people."""

    @property
    def needs_rungs(self) -> bool:
        """False for one that never looks at a value."""

    def reason(
        self, value: IntermediateValue, peers: Sequence[IntermediateValue], spec: PrunerSpec
    ) -> str | None:
        """Why the training of ``value`` is to end, in words; None lets it go on. ``peers`` were measured at
        the same rung before."""


def reason_to_prune(
    judge: Pruner,
    spec: PrunerSpec,
    value: IntermediateValue,
    purpose: Purpose,
    earlier: Sequence[IntermediateRecord],
) -> str | None:
    """The decision on a value, given what was stored before it.

    Only trials of the search itself compete: a baseline or a confirmation cut short would be no yardstick.
    """
    if value.rung is None or purpose is not Purpose.SEARCH:
        return None
    peers = [
        each.value for each in earlier if each.purpose is Purpose.SEARCH and each.value.rung == value.rung
    ]
    reason = judge.reason(value, peers, spec)
    return None if reason is None else f"pruned at rung {value.rung} (step {value.step}): {reason}"
