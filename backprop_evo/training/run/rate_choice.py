"""The fair protocol: every equation, plain backprop included, chooses its learning rate from the same grid.

Each rate is tried for a short probe from the same start (same seed, same batches); the rate with the best
validation accuracy, ties going to the lower training loss, is continued. Under a constant schedule the
winner's probe is its first part; under warm-up and cosine, where a short probe would see only the warm-up,
probes run at the constant rate and the winner starts afresh.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    LearningRateGrid,
    RateProbe,
    ScheduleName,
)
from backprop_evo.training.run.guards import EndedEarly
from backprop_evo.training.run.loop import Material, Report, Run


@dataclass(slots=True)
class Probed:
    """The probes so far and the best run among them; ``reasons`` says why the others ended."""

    probes: list[RateProbe] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    best: Run | None = None

    def take(self, run: Run) -> None:
        self.probes.append(RateProbe(run.rate, run.validation_accuracy))
        if self.best is None or _merit(run) > _merit(self.best):
            self.best = run

    def drop(self, rate: float, reason: str) -> None:
        self.probes.append(RateProbe(rate, None))
        self.reasons.append(f"{rate:g}: {reason}")


def probe_rates(
    material: Material,
    grid: LearningRateGrid,
    schedule: ScheduleName,
    seed: int,
    report: Report | None,
    probed: Probed,
) -> Run | None:
    """The run to continue, or None where no rate survived. ``probed`` fills up as the probes end.

    Raises EndedEarly for verdicts that concern the whole training (time, memory, a request to stop).
    """
    for rate in grid.rates:
        run = Run(material, rate, "constant", seed)
        steps = min(material.steps(grid.probe_epochs), run.total_steps)
        try:
            run.advance(steps, report, "probe")
        except EndedEarly as end:
            if end.outcome not in (TrialState.DIVERGED, TrialState.PRUNED):
                raise
            probed.drop(rate, end.reason)
        else:
            probed.take(run)
    if probed.best is None or schedule == "constant":
        return probed.best
    return Run(material, probed.best.rate, schedule, seed)


def _merit(run: Run) -> tuple[float, float]:
    return run.validation_accuracy or 0.0, -(run.train_loss or 0.0)
