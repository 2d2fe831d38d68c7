"""From a relative step to the absolute rate of one training.

    rate = relative step / median over layers of (‖first update‖ / ‖weight‖)

The layers are the trained ones below the classifier, the first update is the gradient that the method gives
on the first training batch, before momentum and weight decay. One number for the whole net, taken once before
training: the equation keeps its own balance between layers and its own course over time.

Why: first updates of the known equations alone lie four orders of magnitude apart (WRN-10-1, median over
layers: 0.020 of the weight for ``0.5 * g / (std(dh) + 0.1)``, 0.024 for ``g``, 2.1 for ``g / fro(g)``, 159
for ``g / elem(g, inf) * (std(dh) / mat(., 1))``), those of random ones 25, so no grid of absolute rates is
fair to all; as relative steps the best rates of most lie between 0.01 and 0.06. Why the median: within one
net the layers' ratios lie a factor of 9 (``g``) to 4 million (sign symmetry) apart, so that the largest or a
mean would be the rate of one layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from torch import Tensor, nn

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import ScheduleName
from backprop_evo.training.run.child import Child
from backprop_evo.training.run.guards import EndedEarly
from backprop_evo.training.run.loop import Run
from backprop_evo.training.run.material import Material
from backprop_evo.training.run.screening import SMALLEST_UPDATE, screen


@dataclass(slots=True)
class Runs:
    """The runs of one training, all from the same weights and in the same order of batches.

    ``begun`` is the one whose first gradients were looked at: it is the next to go on, because its first step
    would only compute them again.
    """

    material: Material
    seed: int
    begun: Run | None = None

    def rate_of_unit_step(self) -> float:
        """The absolute rate whose first update is as large as the weights: rate = relative step · this.

        Raises EndedEarly where no layer below the classifier has an update to measure, and as
        ``first_update_sizes`` does.
        """
        return _unit(self.first_update_sizes())

    def first_update_sizes(self) -> dict[str, float]:
        """As ``update_sizes``, of a training that has taken no step.

        Raises EndedEarly at a limit and, where trainings are screened, for one by which nothing can learn.
        """
        # The rate plays no part: it is known when the run goes on.
        run = Run(self.material, 1.0, "constant", self.seed)
        may_go_on = run.first_gradients()
        self.material.limits.check()
        sizes = update_sizes(run.child)
        if self.material.rungs.screens:
            screen(sizes)
        self.begun = run if may_go_on else None
        return sizes

    def make(self, rate: float, schedule: ScheduleName, *, relative_step: float | None = None) -> Run:
        """One that has taken no step."""
        run, self.begun = self.begun, None
        if run is None:
            return Run(self.material, rate, schedule, self.seed, relative_step=relative_step)
        run.go_on_with(rate, schedule, relative_step)
        return run


def update_sizes(child: Child) -> dict[str, float]:
    """‖gradient‖ / ‖weight‖ of every trained layer below the classifier, from the last backward pass.

    Of a method that trains nothing there, of whatever layers it trains.
    """
    trained = set(child.learner.trained_below_top() or child.model.parameters())
    return {
        name: _size(layer.weight.grad, layer.weight.detach())
        for name, layer in child.model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
        and layer.weight in trained
        and layer.weight.grad is not None
    }


def _size(update: Tensor, weight: Tensor) -> float:
    """In float64, for squares of what float32 still holds may overflow."""
    return float(update.double().norm() / weight.double().norm())


def _unit(sizes: Mapping[str, float]) -> float:
    usable = [size for size in sizes.values() if SMALLEST_UPDATE < size < math.inf]
    if usable:
        # The median: one layer with an odd scale, often the first, must not set the rate of all.
        return 1 / median(usable)
    if all(math.isfinite(size) for size in sizes.values()):
        raise EndedEarly(TrialState.PRUNED, "the first update is zero at every layer below the classifier")
    raise EndedEarly(
        TrialState.DIVERGED, "the first update is NaN or infinite at every layer below the classifier"
    )
