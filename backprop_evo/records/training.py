"""What one training of one child is asked for, and what it reports.

Accuracies are in [0, 1], times in seconds, memory in MiB. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.states import TrialState

OptimizerName = Literal["sgd", "momentum"]
ScheduleName = Literal["auto", "constant", "cosine"]
PrecisionName = Literal["float32", "bf16"]
FeedbackName = Literal["gaussian", "uniform", "usf", "brsf", "frsf"]
"""What R is: drawn once (Gaussian, or U[0,1]), or tied to the signs of W, as ``training.meaning.feedback``
has it."""

WIDE_RATES = (0.001, 0.01, 0.1, 1.0)
"""Wide on purpose: the best rates of plain backprop and of normalised gradients were seen two orders of
magnitude apart."""

QUICK_RATES = WIDE_RATES[1:]
"""For trainings so short that the lowest rate could show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateGrid:
    """The fair protocol: every rate is probed for ``probe_epochs``, the best on validation is continued."""

    # Where JSON is read: a document with another grid's fields is never this one with its defaults.
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    rates: tuple[float, ...] = WIDE_RATES
    probe_epochs: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeStepGrid:
    """The fair protocol in every equation's own unit: rates as shares of the weights.

    A relative step is rate × ‖first update‖ / ‖weight‖, the median over the trained layers below the
    classifier; one pass over the first batch turns it into the absolute rate of the whole training. Each
    step is probed for ``probe_epochs``, the one with the lowest late training loss is continued. Where the
    best stands at an edge, the next one outward, in the ratio of the two at that edge, is probed too, at
    most ``extra_probes`` in all. A single step is trained at without any probe.
    """

    relative_steps: tuple[float, ...]
    probe_epochs: float = 0.25
    extra_probes: int = 3


LearningRate = float | LearningRateGrid | RelativeStepGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSpec:
    """One way to train a child: everything but the method and the seed.

    ``model`` is ``wrn-D-K``, ``cnn`` or ``mlp-W[-W…][-tanh|-sigmoid]``; ``data`` a name in the catalogue.
    ``feedback`` says what R is. ``train_images`` and ``validation_images`` cap the split (None: all of it).
    ``reestimate_batches`` is how many training batches BatchNorm's running statistics are estimated anew on
    before every evaluation (0: they are as training left them). ``test`` is read only when
    ``evaluate_test`` is set, which a search never does.
    """

    model: str = "wrn-10-1"
    data: str = "cifar10-mini"
    epochs: float = 2.0
    batch_size: int = 128
    optimizer: OptimizerName = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    learning_rate: LearningRate = 0.1
    schedule: ScheduleName = "auto"
    augment: bool = True
    feedback: FeedbackName = "gaussian"
    precision: PrecisionName = "float32"
    train_images: int | None = None
    validation_images: int | None = None
    reestimate_batches: int = 0
    evaluate_test: bool = False
    time_limit_s: float | None = None
    memory_limit_mib: float | None = None
    alignment_every: int = 0
    deterministic: bool = True

    def __post_init__(self) -> None:
        rates, probe_epochs, extra_probes = _unfolded(self.learning_rate)
        for name, ok in (
            ("epochs", 0 < self.epochs <= 10_000),
            ("batch_size", 1 <= self.batch_size <= 65_536),
            ("optimizer", self.optimizer in get_args(OptimizerName)),
            ("schedule", self.schedule in get_args(ScheduleName)),
            ("precision", self.precision in get_args(PrecisionName)),
            ("feedback", self.feedback in get_args(FeedbackName)),
            ("momentum", 0 <= self.momentum < 1),
            ("weight_decay", 0 <= self.weight_decay < 1),
            ("learning_rate", bool(rates) and all(0 < rate < float("inf") for rate in rates)),
            ("learning_rate.probe_epochs", 0 < probe_epochs <= self.epochs or probe_epochs == 1.0),
            ("learning_rate.extra_probes", 0 <= extra_probes <= 100),
            ("train_images", self.train_images is None or self.train_images >= 1),
            ("validation_images", self.validation_images is None or self.validation_images >= 1),
            ("reestimate_batches", 0 <= self.reestimate_batches <= 10_000),
            ("time_limit_s", self.time_limit_s is None or self.time_limit_s > 0),
            ("memory_limit_mib", self.memory_limit_mib is None or self.memory_limit_mib > 0),
            ("alignment_every", self.alignment_every >= 0),
        ):
            if not ok:
                raise InvalidSettings(f"train.{name} is out of its range", field=f"train.{name}")

    def steps_per_epoch(self, images: int) -> int:
        """Steps of one pass over a training split of ``images``; a last short batch is left out."""
        used = images if self.train_images is None else min(images, self.train_images)
        return max(1, used // min(self.batch_size, used))


def _unfolded(rate: LearningRate) -> tuple[tuple[float, ...], float, int]:
    """Rates or relative steps, the length of a probe, how many probes may be added."""
    match rate:
        case LearningRateGrid():
            return rate.rates, rate.probe_epochs, 0
        case RelativeStepGrid():
            return rate.relative_steps, rate.probe_epochs, rate.extra_probes
    return (rate,), 1.0, 0


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """Where a training stands; told to the caller about once a second. ``phase`` is probe, train or test."""

    epoch: float
    epochs: float
    train_loss: float
    validation_accuracy: float | None
    images_per_s: float
    eta_s: float
    phase: Literal["probe", "train", "test"] = "train"


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a training curve; ``epoch`` may be fractional."""

    epoch: float
    train_loss: float
    validation_accuracy: float | None
    learning_rate: float
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediateValue:
    """A running training after ``step`` steps: at a rung (0, 1, …), where it is judged, or (None) at the end
    of an epoch. ``train_loss`` is the mean since the intermediate value before."""

    step: int
    rung: int | None
    validation_accuracy: float
    train_loss: float


@dataclass(frozen=True, slots=True)
class RateProbe:
    """What one rate of the grid reached in its probe; None when the probe diverged.

    ``relative_step`` stands where the grid is one of relative steps, which is chosen from by
    ``late_train_loss``, the mean loss of the probe's last steps.
    """

    learning_rate: float
    validation_accuracy: float | None
    relative_step: float | None = None
    late_train_loss: float | None = None


@dataclass(frozen=True, slots=True)
class AlignmentPoint:
    """One measurement at one site: angles in degrees, ``norm_ratio`` = ‖update‖ / ‖true gradient‖."""

    step: int
    site: str
    update_angle: float
    norm_ratio: float
    feedback_angle: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What one training reports. ``reason`` is set for every outcome but ``completed``, ``rung`` for a
    training that a pruner stopped there. ``outcome`` is the terminal state of its trial.

    ``train_loss`` is the last epoch's mean, ``late_train_loss`` that of the last 20 steps, or of the last
    tenth where that is more. ``relative_step`` is what ``learning_rate`` was calibrated from, if it was.
    """

    outcome: TrialState
    reason: str | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    train_loss: float | None = None
    late_train_loss: float | None = None
    learning_rate: float | None = None
    relative_step: float | None = None
    epochs_done: float = 0.0
    rung: int | None = None
    probes: tuple[RateProbe, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    alignment: tuple[AlignmentPoint, ...] = ()
    wall_time_s: float = 0.0
    images_per_s: float | None = None
    peak_memory_mib: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.outcome.is_terminal:
            raise ValueError(f"a training does not end as {self.outcome}")
