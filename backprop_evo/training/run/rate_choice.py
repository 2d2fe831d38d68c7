"""The fair protocol: every equation, plain backprop included, chooses its learning rate from the same grid.

Each rate is tried for a short probe from the same start (same seed, same batches), and the best is
continued. Under a constant schedule the winner's probe is its first part; under warm-up and cosine, where a
short probe would see only the warm-up, probes run at the constant rate and the winner starts afresh.

Best is, of absolute rates, the one with the best accuracy on the images that are kept for this choice, ties
going to the lower training loss;
of relative steps (``calibration``), the one with the lowest late training loss, which chooses better (after
40 of 160 steps, 66 choices: 0.3 points of the final accuracy lost against 1.7, ``docs/measurements.md``) and
leaves the validation images for the fitness. A grid of relative steps grows where its edge wins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import LearningRateGrid, RateProbe, RelativeStepGrid, ScheduleName
from backprop_evo.training.run.calibration import Runs
from backprop_evo.training.run.guards import EndedEarly
from backprop_evo.training.run.loop import Report, Run


@dataclass(slots=True)
class Probed:
    """The probes so far and the best run among them; ``reasons`` says why the others ended."""

    probes: list[RateProbe] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    best: Run | None = None
    _best_merit: tuple[float, float] = (-math.inf, -math.inf)

    def add(self, run: Run) -> None:
        """A probe that reached its end; the first of equals stays the best."""
        # Relative steps are chosen by the loss, which is there already.
        accuracy = run.measure("rates") if run.relative_step is None else None
        probe = RateProbe(run.rate, accuracy, run.relative_step, run.late_train_loss)
        self.probes.append(probe)
        if self.best is None or _merit(probe) > self._best_merit:
            self.best, self._best_merit = run, _merit(probe)

    def add_failed(self, run: Run, reason: str) -> None:
        """A probe that a guard ended: no accuracy, and a reason for people."""
        self.probes.append(RateProbe(run.rate, None, run.relative_step))
        self.reasons.append(f"{run.rate:g}: {reason}")


@dataclass(frozen=True, slots=True)
class _Prober:
    runs: Runs
    report: Report | None
    probed: Probed

    def probe(self, rate: float, epochs: float, relative_step: float | None = None) -> None:
        # Every probe starts from the same weights and sees the same batches: they differ by the rate alone.
        run = self.runs.make(rate, "constant", relative_step=relative_step)
        steps = min(self.runs.material.steps(epochs), run.total_steps)
        try:
            run.advance(steps, self.report, "probe")
        except EndedEarly as end:
            # Time, memory and a wish to stop concern the training; a rate that diverges concerns itself.
            if end.outcome not in (TrialState.DIVERGED, TrialState.PRUNED):
                raise
            self.probed.add_failed(run, end.reason)
        else:
            self.probed.add(run)


def probe_rates(
    runs: Runs,
    grid: LearningRateGrid | RelativeStepGrid,
    schedule: ScheduleName,
    report: Report | None,
    probed: Probed,
) -> Run | None:
    """The run to continue, or None where no rate survived. ``probed`` fills up as the probes end.

    Raises EndedEarly for verdicts that concern the whole training (time, memory, a request to stop, no first
    update to calibrate by).
    """
    prober = _Prober(runs, report, probed)
    if isinstance(grid, LearningRateGrid):
        for rate in grid.rates:
            prober.probe(rate, grid.probe_epochs)
    else:
        unit = runs.rate_of_unit_step()
        # Nothing to choose: a probe would only cost its steps.
        if len(grid.relative_steps) == 1:
            (step,) = grid.relative_steps
            return runs.make(step * unit, schedule, relative_step=step)
        _probe_steps(prober, grid, unit)
    best = probed.best
    if best is None or schedule == "constant":
        return best
    return runs.make(best.rate, schedule, relative_step=best.relative_step)


def _probe_steps(prober: _Prober, grid: RelativeStepGrid, unit: float) -> None:
    steps = sorted(set(grid.relative_steps))
    for step in steps:
        prober.probe(step * unit, grid.probe_epochs, step)
    for _ in range(grid.extra_probes):
        outward = _outward(steps, prober.probed.best)
        if outward is None:
            return
        prober.probe(outward * unit, grid.probe_epochs, outward)
        steps = sorted((*steps, outward))


def _outward(steps: list[float], best: Run | None) -> float | None:
    """The step beyond the edge on which the best stands, below all where none survived; else None."""
    if len(steps) < 2:
        return None
    if best is None or best.relative_step == steps[0]:
        # The next of a geometric row: the ratio at this edge once more.
        return steps[0] ** 2 / steps[1]
    return steps[-1] ** 2 / steps[-2] if best.relative_step == steps[-1] else None


def _merit(probe: RateProbe) -> tuple[float, float]:
    late = math.inf if probe.late_train_loss is None else probe.late_train_loss
    return (probe.validation_accuracy or 0.0, -late)
