"""What one training of one child is asked for, and what it reports.

Accuracies are in [0, 1], times in seconds, memory in MiB. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.described import Bounds, above_zero, at_least, below, between, check, described
from backprop_evo.records.model_names import MODEL_LIMIT, is_within_limit
from backprop_evo.records.states import TrialState

MODEL_BOUNDS = Bounds(MODEL_LIMIT, is_within_limit)
OptimizerName = Literal["sgd", "momentum"]
ScheduleName = Literal["auto", "constant", "cosine"]
PrecisionName = Literal["float32", "bf16"]
FeedbackName = Literal["gaussian", "uniform", "usf", "brsf", "frsf"]
"""What R is: drawn once (Gaussian, or U[0,1]), or tied to the signs of W (``training.meaning.feedback``)."""
ValidationPart = Literal["fitness", "finalists", "whole"]
TrainOn = Literal["train", "all"]
DecayName = Literal["coupled", "decoupled"]
#: What a worker does for a trial, in the order in which it comes first.
Activity = Literal["waiting", "claim", "data", "set-up", "first step", "steps", "measuring", "judging"]

WIDE_RATES = (0.001, 0.01, 0.1, 1.0)
"""Wide on purpose: the best rates of plain backprop and of normalised gradients were seen two orders of
magnitude apart."""

FAIR_STEPS = (0.01, 0.03, 0.1)
"""Relative steps. In a study of the 25 known equations (``docs/measurements.md``) nearly all that learn have
their best at 0.03, or at 0.01, from where the grid grows on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateGrid:
    """Absolute rates: each is probed for ``probe_epochs``, the best on the part of validation that is kept
    for this choice is continued. A probe is never longer than the training."""

    # Where JSON is read: a document with another grid's fields is never this one with its defaults.
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    rates: tuple[float, ...] = WIDE_RATES
    probe_epochs: float = described(
        0.25, "Length of the probe of each rate, where there are several.", bounds=above_zero()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeStepGrid:
    """The fair protocol in every equation's own unit: rates as shares of the weights.

    A relative step is rate × ‖first update‖ / ‖weight‖, the median over the trained layers below the
    classifier; one pass over the first batch turns it into the absolute rate of the whole training. Each
    step is probed for ``probe_epochs``, the one with the lowest late training loss is continued. Where the
    best stands at an edge, the next one outward, in the ratio of the two at that edge, is probed too, at
    most ``extra_probes`` in all. A single step is trained at without any probe.
    """

    # As above.
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    relative_steps: tuple[float, ...] = FAIR_STEPS
    # With the default length of two epochs all probes but the winner's cost at most 3 tenths of a training.
    probe_epochs: float = described(0.2, "Length of the probe of each relative step.", bounds=above_zero())
    extra_probes: int = described(
        1, "Relative steps that may be probed beyond an edge that wins.", bounds=between(0, 100)
    )


# A document that says nothing of rates but how to probe them means the first grid that it fits.
LearningRate = float | RelativeStepGrid | LearningRateGrid


def _rates_hold(rate: LearningRate) -> bool:
    rates = rates_of(rate)
    return bool(rates) and all(0 < each < float("inf") for each in rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSpec:
    """One way to train a child: everything but the method and the seed.

    ``model`` is ``wrn-D-K``, ``cnn`` or ``mlp-W[-W…][-bn][-tanh|-sigmoid]``; ``data`` a name in the
    catalogue.
    ``feedback`` says what R is. ``train_images`` and ``validation_images`` cap the split (None: all of it).
    ``reestimate_batches`` is how many training batches BatchNorm's running statistics are estimated anew on
    before every evaluation (0: they are as training left them). ``test`` is read only when
    ``evaluate_test`` is set, which a confirmation does and a search never. A new field stands here, with all
    that people are told of it, and in the code that trains by it.

    ``validation_part`` says which images of the validation split measure the training: a search's trials
    those of "fitness", the confirmation of its finalists those of "finalists", and absolute rates are chosen
    on a third part (``backprop_evo.data.parts``); "whole" has all of them for everything.
    """

    model: str = described(
        "wrn-10-1",
        "The child: wrn-D-K, cnn or mlp-W[-W…][-bn][-tanh|-sigmoid].",
        limit=MODEL_BOUNDS,
        usual=True,
    )
    data: str = described(
        "cifar10-mini", "A data set of the catalogue.", label="Data set", choices="data sets", usual=True
    )
    epochs: float = described(
        2.0,
        "Length of each training; may be fractional.",
        label="Epochs each",
        bounds=above_zero(10_000),
        usual=True,
    )
    batch_size: int = described(128, "Images a step.", bounds=between(1, 65_536))
    optimizer: OptimizerName = described("sgd", "Plain SGD, or with momentum.", usual=True)
    momentum: float = described(0.9, "Where the optimizer is momentum.", bounds=below(1))
    weight_decay: float = described(5e-4, "L2 coefficient.", bounds=below(1))
    learning_rate: LearningRate = described(
        RelativeStepGrid(),
        "One rate, or several such as 0.01,0.1,1: each is probed for every equation, the best continued; "
        "relative 0.01,0.03,0.1: as sizes of the first update against the weights.",
        bounds=Bounds("one rate above 0, or several", _rates_hold),
        limit=Bounds("at most 100 of them", lambda rate: len(rates_of(rate)) <= 100),
        usual=True,
    )
    schedule: ScheduleName = described(
        "auto", "Of the learning rate; auto is constant for short trainings, else cosine."
    )
    augment: bool = described(True, "Mirror and shift the training images.")
    feedback: FeedbackName = described("gaussian", "What R is; usf, brsf and frsf are tied to W's signs.")
    precision: PrecisionName = described("float32", "Of the arithmetic; bf16 is mixed.")
    train_images: int | None = described(
        None, "Use so many training images.", unset="all", bounds=at_least(1)
    )
    validation_images: int | None = described(
        None, "Use so many validation images.", unset="all", bounds=at_least(1)
    )
    reestimate_batches: int = described(
        16,
        "Estimate BatchNorm's statistics on so many training batches before an evaluation.",
        bounds=between(0, 10_000),
    )
    validation_part: ValidationPart = described(
        "fitness", "Which images of the validation split measure a training; whole: all, for everything."
    )
    train_on: TrainOn = described(
        "train", "all: validation images are trained on too, and only the test split measures.", alone=True
    )
    classifier_rate: float | None = described(
        None,
        "Learning rate of the last layer, whose gradient no equation touches.",
        unset="the same as the others'",
        bounds=above_zero(),
    )
    decay: DecayName = described(
        "coupled", "coupled: weights decay by rate times weight decay a step; decoupled: by weight decay."
    )
    warm_up_steps: int = described(
        0, "Steps at the start over which a constant rate rises to its value.", bounds=at_least(0)
    )
    evaluate_test: bool = described(False, "Read the test split at the end.", name="test", alone=True)
    time_limit_s: float | None = described(
        None,
        "Seconds for each training.",
        name="time_limit",
        label="Time limit, s",
        unset="none",
        bounds=above_zero(),
    )
    memory_limit_mib: float | None = described(
        None,
        "MiB for each training.",
        name="memory_limit",
        label="Memory limit, MiB",
        unset="none",
        bounds=above_zero(),
    )
    alignment_every: int = described(
        0, "Measure the angle to the true gradient every n steps; 0: never.", bounds=at_least(0)
    )
    deterministic: bool = described(True, "Ask for deterministic algorithms.")

    def __post_init__(self) -> None:
        check(self, "train.")
        if self.train_on == "all" and isinstance(self.learning_rate, LearningRateGrid):
            raise InvalidSettings(
                "train_on all leaves no validation images to choose among absolute rates by",
                field="train.learning_rate",
                hint="give one rate, or relative steps, which are chosen by training loss",
            )

    def steps_per_epoch(self, images: int) -> int:
        """Steps of one pass over a training split of ``images``; a last short batch is left out."""
        used = images if self.train_images is None else min(images, self.train_images)
        return max(1, used // min(self.batch_size, used))


def rates_of(rate: LearningRate) -> tuple[float, ...]:
    """Rates or relative steps."""
    match rate:
        case LearningRateGrid():
            return rate.rates
        case RelativeStepGrid():
            return rate.relative_steps
    return (rate,)


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """Where a training stands, told about once a second. ``phase`` is probe, train or test."""

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
    of an epoch. ``train_loss`` is the mean since the intermediate value before. ``validation_accuracy`` is
    None where it is not what trainings are compared by: measuring it costs as much as several steps."""

    step: int
    rung: int | None
    validation_accuracy: float | None
    train_loss: float


@dataclass(frozen=True, slots=True)
class RateProbe:
    """What one rate of the grid reached in its probe.

    Absolute rates are chosen by ``validation_accuracy``, relative steps by ``late_train_loss``, the mean loss
    of the probe's last steps; then the other of the two, and both where the probe diverged, is None.
    """

    learning_rate: float
    validation_accuracy: float | None
    relative_step: float | None = None
    late_train_loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What one training reports. ``reason`` is set for every outcome but ``completed``, ``rung`` for a
    training that a pruner stopped there. ``outcome`` is the terminal state of its trial.

    ``train_loss`` is the last epoch's mean, ``late_train_loss`` that of the last 20 steps, or of the last
    tenth where that is more. ``relative_step`` is what ``learning_rate`` was calibrated from, if it was.
    ``begun``: not so where memory ran out before there was a child. ``seconds``: where the time went; a
    worker adds how long it had waited for the trial and what the claim took.
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
    begun: bool = True
    probes: tuple[RateProbe, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    alignment: tuple[AlignmentPoint, ...] = ()
    wall_time_s: float = 0.0
    images_per_s: float | None = None
    peak_memory_mib: float | None = None
    seconds: Mapping[Activity, float] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.outcome.is_terminal:
            raise ValueError(f"a training does not end as {self.outcome}")
