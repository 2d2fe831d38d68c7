"""No early stopping by comparison: a training ends by itself or by its own guards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.training import IntermediateValue


@dataclass(frozen=True, slots=True)
class Never:
    """Lets every training go on."""

    name: str = "none"
    summary: str = "every training goes to its end, unless a guard of its own stops it"
    needs_rungs: bool = False

    def reason(
        self, value: IntermediateValue, peers: Sequence[IntermediateValue], spec: PrunerSpec
    ) -> str | None:
        """None."""
        del value, peers, spec
        return None


PRUNER = Never()
