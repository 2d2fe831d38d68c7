"""Which relative steps a trial probes: all of the spec's grid, or those around the step that was best for the
parent of its equation.

A mutant mostly wants the rate its parent had, for a relative step has taken the size of its first update out
already. The two neighbours keep the choice open, generation by generation, beyond the grid if need be.
"""

from __future__ import annotations

from dataclasses import replace

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import FinishRecord, IndividualRecord
from backprop_evo.records.training import RelativeStepGrid, TrainSpec


class InheritedRates:
    """The best relative steps known so far, by the number of the individual that was trained."""

    def __init__(self, spec: SearchSpec) -> None:
        self._train = spec.train
        self._inherits = spec.rates == "inherited"
        self._best: dict[int, float] = {}

    def heard(self, finish: FinishRecord) -> None:
        """Remember what a completed trial was trained at."""
        if self._inherits and finish.relative_step is not None:
            self._best[finish.individual] = finish.relative_step

    def of(self, individual: int) -> float | None:
        """The step that its children inherit; None where it is not known, or rates are not inherited."""
        return self._best.get(individual)

    def train_spec(self, individual: IndividualRecord) -> TrainSpec:
        """The spec of the individual's trial."""
        grid, step = self._train.learning_rate, individual.inherited_step
        if step is None or not isinstance(grid, RelativeStepGrid):
            return self._train
        return replace(self._train, learning_rate=around(step, grid))


def around(step: float, grid: RelativeStepGrid) -> RelativeStepGrid:
    """``step`` and its two neighbours, in the mean ratio of the grid; it grows no further, for the next
    generation can."""
    ratio = (max(grid.relative_steps) / min(grid.relative_steps)) ** (1 / (len(set(grid.relative_steps)) - 1))
    return replace(grid, relative_steps=(step / ratio, step, step * ratio), extra_probes=0)
