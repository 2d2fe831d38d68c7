"""Running averages that an equation keeps at a site, from one backward pass to the next.

Averages run over the first axis (the samples of a signal, the output units of a weight), so each has one
row, shape (1, *), whatever the batch. The first batch's value starts them. Kept in float32 at least,
updated in place so that a captured CUDA graph goes on updating them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from backprop_evo.training.meaning import norms
from dsl.primitives import RUNNING


@dataclass(slots=True, eq=False)
class RunningStatistics:
    """The averages of one site, by name."""

    _averages: dict[str, Tensor] = field(default_factory=dict)

    def mean(self, name: str, x: Tensor) -> Tensor:
        """Running mean of ``x`` over its first axis, x included."""
        return self._update(name + " mean", norms.mean(x))

    def square(self, name: str, x: Tensor) -> Tensor:
        """Running mean of x², x included."""
        return self._update(name + " square", norms.mean_square(x))

    def mean_and_std(self, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
        """Running mean, and root of the batch variance's running average (divided by n), x included."""
        mean, variance = norms.mean_and_variance(x)
        return self._update(name + " mean", mean), self._update(name + " variance", variance).sqrt()

    def _update(self, key: str, batch: Tensor) -> Tensor:
        average = self._averages.get(key)
        # Another shape begins anew: a convolution that sees images of another size has other units.
        if average is None or average.shape != batch.shape or average.device != batch.device:
            average = self._averages[key] = batch.clone()
        else:
            # RUNNING · average + (1 − RUNNING) · batch, in one operation and in place.
            average.lerp_(batch, 1 - RUNNING)
        return average
