"""Train one child by one method: the entry that workers, the command line and notebooks call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from backprop_evo.data.catalogue import dataset_info
from backprop_evo.errors import DeviceUnusable
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainProgress, TrainResult, TrainSpec
from backprop_evo.training.methods.registry import as_method, method_of
from backprop_evo.training.run.calibration import Runs
from backprop_evo.training.run.capability import Capability, choose, environment
from backprop_evo.training.run.guards import EndedEarly, Limits
from backprop_evo.training.run.images import Images
from backprop_evo.training.run.kept_images import KeptImages
from backprop_evo.training.run.loop import Report, Run
from backprop_evo.training.run.material import Material
from backprop_evo.training.run.rate_choice import Probed, probe_rates
from backprop_evo.training.run.rungs import Rungs
from backprop_evo.training.run.schedule import resolved_schedule
from backprop_evo.training.run.stopwatch import Stopwatch
from dsl.equation import Equation

NO_RUNGS = Rungs()


def train_child(
    method: MethodSpec | Equation | str,
    spec: TrainSpec,
    *,
    seed: int,
    data_dir: Path | None = None,
    on_progress: Callable[[TrainProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    device: str | None = None,
    rungs: Rungs = NO_RUNGS,
    kept: KeptImages | None = None,
) -> TrainResult:
    """Trains ``spec.model`` by ``method``, written as ``as_method`` reads it, and reports how it went.

    The same method, spec, seed and device (and number of threads) give the same curve bit for bit on a
    CPU, and on a GPU where ``spec.deterministic`` is set. Divergence, limits and a lack of memory come back
    as results with a reason. ``device`` is a torch device name; None takes a CUDA device where there is
    one. ``rungs`` say when a search measures it and may end it. ``kept`` has the images of the training
    before, and keeps those of this one. Global random state is left as it was.

    Raises InvalidSettings, InvalidEquation, UnknownDataset, DatasetUnusable or DeviceUnusable before anything
    is trained.
    """
    model = parse_model_name(spec.model)
    dataset_info(spec.data)
    asked = as_method(method)
    # Before anything is loaded: what is wrong with the request is said at once, and as an error.
    method_of(asked).check_fit(spec)
    capability = choose(device, precision=spec.precision, images=model.has_convolutions)
    limits = Limits(capability.device, spec.time_limit_s, spec.memory_limit_mib, should_stop)
    watch = Stopwatch()
    training = _Training(on_progress, watch)
    with _isolated(torch.device(capability.device), spec.deterministic):
        try:
            images = _load(spec, capability, data_dir, kept or KeptImages())
            training.images = images
            watch.note("data")
            material = Material(asked, spec, capability, images, limits, rungs, watch)
            outcome, why = training.train(material, seed)
        except EndedEarly as end:
            outcome, why = end.outcome, end.reason
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            # Any other RuntimeError is a fault of ours and must not look like a property of the equation.
            if not _is_out_of_memory(error):
                raise
            outcome, why = TrialState.OOM, f"out of memory on {capability.device}: {error}"
    circumstances = environment(capability.device) | capability.as_text() | {"seed": str(seed)}
    return training.result(outcome, why, limits, circumstances)


def _is_out_of_memory(error: Exception) -> bool:
    """torch raises a plain RuntimeError where the CPU's memory is full."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


@dataclass(slots=True)
class _Training:
    """What has been reached so far; a verdict in the middle leaves it readable."""

    report: Report | None
    watch: Stopwatch
    probed: Probed = field(default_factory=Probed)
    run: Run | None = None
    images: Images | None = None
    test_accuracy: float | None = None

    def train(self, material: Material, seed: int) -> tuple[TrialState, str | None]:
        schedule = resolved_schedule(material.spec)
        rate, runs = material.spec.learning_rate, Runs(material, seed)
        # Relative steps need the same pass, and look at it when they are calibrated.
        if material.rungs.screens and not isinstance(rate, RelativeStepGrid):
            runs.first_update_sizes()
        if not isinstance(rate, float | int):
            self.run = probe_rates(runs, rate, schedule, self.report, self.probed)
            if self.run is None:
                return TrialState.DIVERGED, "no rate of the grid survived its probe: " + "; ".join(
                    self.probed.reasons
                )
        else:
            self.run = runs.make(rate, schedule)
        self.run.advance(self.run.total_steps, self.report, "train")
        self.test_accuracy = self.run.measure("test")
        return TrialState.COMPLETED, None

    def result(
        self, outcome: TrialState, reason: str | None, limits: Limits, environment: dict[str, str]
    ) -> TrainResult:
        # What a verdict broke off: a step, or all that comes before the first.
        self.watch.note("set-up" if self.run is None else "steps")
        limits.read_memory()
        if self.images is not None:
            environment |= {"measured on": self.images.account()}
        ended = TrainResult(
            outcome=outcome,
            reason=reason,
            begun=self.images is not None,
            probes=tuple(self.probed.probes),
            wall_time_s=limits.elapsed_s(),
            peak_memory_mib=limits.peak_memory_mib,
            seconds=dict(self.watch.seconds),
            environment=environment,
        )
        # A training that was ended within its probes still reports the best of them.
        run = self.run or self.probed.best
        if run is None:
            return ended
        return replace(
            ended,
            validation_accuracy=run.validation_accuracy,
            test_accuracy=self.test_accuracy,
            train_loss=run.train_loss,
            late_train_loss=run.late_train_loss,
            learning_rate=run.rate,
            relative_step=run.relative_step,
            epochs_done=run.epoch,
            rung=run.rung,
            curve=tuple(run.curve),
            alignment=tuple(run.alignment),
            images_per_s=run.clock.images_per_s or None,
        )


def _load(spec: TrainSpec, capability: Capability, data_dir: Path | None, kept: KeptImages) -> Images:
    try:
        return kept.load(spec, capability, data_dir)
    # Before there is a child a broken driver says nothing about the method.
    except torch.AcceleratorError as error:
        raise DeviceUnusable(
            f"{capability.device} cannot take the data set {spec.data}: {error}",
            hint="look at its driver, and at what else runs on it",
        ) from error


@contextmanager
def _isolated(device: torch.device, deterministic: bool) -> Iterator[None]:
    """Global random state and the determinism switch are as before afterwards."""
    devices = [device] if device.type == "cuda" else []
    if devices and deterministic:
        # cuBLAS reads this when it first makes a handle, and is not deterministic without.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    # On a CPU everything here is deterministic anyway, and the switch would forbid operations for nothing.
    wanted = deterministic and device.type == "cuda"
    with torch.random.fork_rng(devices=devices):
        # Only to change it: the first call imports torch's compiler, which takes a second and a half.
        if wanted != before:
            torch.use_deterministic_algorithms(wanted)
        try:
            yield
        finally:
            if wanted != before:
                torch.use_deterministic_algorithms(before, warn_only=warn_only)
