"""What one training is made of, before anything is trained: shared by its probes and its run."""

from __future__ import annotations

from dataclasses import dataclass, field

from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.run.capability import Capability
from backprop_evo.training.run.guards import Limits
from backprop_evo.training.run.images import Images
from backprop_evo.training.run.rungs import Rungs
from backprop_evo.training.run.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True)
class Material:
    """What all runs of one training share."""

    method: MethodSpec
    spec: TrainSpec
    capability: Capability
    images: Images
    limits: Limits
    rungs: Rungs
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def batch_size(self) -> int:
        """The spec's, or the whole split where that is smaller."""
        return min(self.spec.batch_size, len(self.images.train))

    @property
    def steps_per_epoch(self) -> int:
        """A last short batch is left out; the next epoch's shuffle brings its images back."""
        return self.spec.steps_per_epoch(len(self.images.train))

    def steps(self, epochs: float) -> int:
        """At least one."""
        return max(1, round(epochs * self.steps_per_epoch))
