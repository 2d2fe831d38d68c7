"""What an evaluation is asked for: methods × settings × seeds, trained side by side without evolution.

A *setting* is everything about a training but the method and the seed: accuracies may be compared within one,
and nowhere else. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.nodes import LABELS_WANTED, are_labels
from backprop_evo.records.presets import preset
from backprop_evo.records.training import LearningRate, LearningRateGrid, RelativeStepGrid, TrainSpec

MAX_METHODS = 200
MAX_SETTINGS = 50
MAX_SEEDS = 1000
MAX_TRAININGS = 20_000
"""Of one evaluation, with the seeds that are added later."""

NO_PART_OF_A_SETTING = ("time_limit_s", "memory_limit_mib", "evaluate_test")
"""Limits end a training or they do not; reading the test split comes after the last step."""

FIELDS_FROM_THE_START = (
    *("model", "data", "epochs", "batch_size", "optimizer", "momentum", "weight_decay", "learning_rate"),
    *("schedule", "augment", "feedback", "precision", "train_images", "validation_images"),
    *("reestimate_batches", "alignment_every", "deterministic"),
)
"""What the id of a setting always covers. A field that came later counts where it differs from what trainings
of before did, so that their ids still name the same training."""

WHOLE_VALIDATION = "whole"
"""What measured all trainings before validation had parts."""

TOLD_ELSEWHERE = ("model", "data", "epochs", "optimizer", "batch_size", "learning_rate", "validation_part")
"""What the description of a setting says in its own words."""


@lru_cache(maxsize=1024)
def setting_id(train: TrainSpec) -> str:
    """12 hexadecimal digits, equal for train specs whose results may be compared.

    A training that is measured on the images of "fitness" or of "finalists" is the same training.
    """
    values = asdict(train)
    later = {each.name: each.default for each in fields(TrainSpec) if each.name not in FIELDS_FROM_THE_START}
    del later["validation_part"]
    if values.pop("validation_part") != WHOLE_VALIDATION:
        values["validation"] = "in parts"
    told = {
        name: _number_as_float(value)
        for name, value in values.items()
        if name not in NO_PART_OF_A_SETTING and not (name in later and value == later[name])
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _number_as_float(value: Any) -> Any:
    """20 epochs are 20.0 epochs, however they were written."""
    if isinstance(value, dict):
        return {name: _number_as_float(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_number_as_float(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@lru_cache(maxsize=1024)
def setting_words(train: TrainSpec) -> str:
    """``wrn-10-1, cifar10-mini, 2 epochs, sgd, batch 128, relative 0.01/0.03/0.1``, and what else differs
    from the defaults: different for settings of different ids."""
    told = [
        train.model,
        train.data,
        f"{_number(train.epochs)} epochs",
        train.optimizer,
        f"batch {train.batch_size}",
        *_rate_words(train.learning_rate),
    ]
    if train.validation_part == WHOLE_VALIDATION:
        told.append("all of validation")
    for each in fields(TrainSpec):
        value = getattr(train, each.name)
        if each.name not in (*TOLD_ELSEWHERE, *NO_PART_OF_A_SETTING) and value != each.default:
            told.append(f"{each.name.replace('_', ' ')} {_number(value)}")
    return ", ".join(told)


def _rate_words(rate: LearningRate) -> list[str]:
    """The rates, and what is not usual about their probes."""
    if isinstance(rate, float | int):
        return [f"rate {_number(rate)}"]
    relative = isinstance(rate, RelativeStepGrid)
    rates = rate.relative_steps if isinstance(rate, RelativeStepGrid) else rate.rates
    usual: LearningRateGrid | RelativeStepGrid
    usual = RelativeStepGrid(relative_steps=rates) if relative else LearningRateGrid(rates=rates)
    unusual = [each.name for each in fields(rate) if getattr(rate, each.name) != getattr(usual, each.name)]
    return [
        f"{'relative' if relative else 'rates'} {'/'.join(_number(each) for each in rates)}",
        *(f"{name.replace('_', ' ')} {_number(getattr(rate, name))}" for name in unusual),
    ]


def _number(value: Any) -> str:
    """Short, and never two numbers alike; yes and no for flags."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A train spec under the name that tables show."""

    name: str
    train: TrainSpec = field(default_factory=TrainSpec)

    @property
    def id(self) -> str:
        """Equal where results may be compared, whatever the names."""
        return setting_id(self.train)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSpec:
    """One evaluation. Every method is trained in every setting with the seeds ``first_seed``,
    ``first_seed + 1``, …: the same for all of them, so that differences are paired.

    ``baseline`` is what the others are compared with; it is trained whether or not it is among ``methods``.
    ``controls`` are those of the methods that nobody hopes for: they show what a finding has to beat.
    ``seeds`` is their number. ``test`` reads the test split at the end of every training, and compares by it.
    ``in_flight`` trials are out with workers at a time; None: as many as keep the pool busy.
    ``priority`` is its share of the slots beside other searches and evaluations; only nodes with all
    ``labels`` run it.
    """

    name: str
    methods: tuple[MethodSpec, ...]
    baseline: MethodSpec = field(default_factory=lambda: equation_method("g"))
    settings: tuple[Setting, ...] = field(
        default_factory=lambda: (Setting(name="quick", train=preset("quick")),)
    )
    controls: tuple[MethodSpec, ...] = ()
    first_seed: int = 0
    seeds: int = 5
    test: bool = False
    in_flight: int | None = None
    priority: int = 1
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names, ids = [each.name for each in self.settings], [each.id for each in self.settings]
        for name, ok, want in (
            ("name", 1 <= len(self.name.strip()) <= 200, "1 to 200 characters"),
            ("methods", 1 <= len(self.methods) <= MAX_METHODS, f"1 to {MAX_METHODS} methods"),
            ("methods", len(set(self.methods)) == len(self.methods), "different from each other"),
            ("controls", set(self.controls) <= {*self.methods}, "among the methods"),
            ("settings", 1 <= len(self.settings) <= MAX_SETTINGS, f"1 to {MAX_SETTINGS} settings"),
            (
                "settings",
                all(1 <= len(each.strip()) <= 100 for each in names),
                "named in 1 to 100 characters",
            ),
            ("settings", len(set(names)) == len(names), "of different names"),
            ("settings", len(set(ids)) == len(ids), "different from each other in more than their names"),
            (
                "settings",
                not any(each.train.evaluate_test for each in self.settings),
                "without evaluate_test: the evaluation's own field test says it for all",
            ),
            (
                "test",
                self.test or not any(each.train.train_on == "all" for each in self.settings),
                "true where a setting trains on all images: nothing else is left to measure by",
            ),
            ("first_seed", 0 <= self.first_seed < 2**31 - MAX_SEEDS, "an integer from 0 to 2147482647"),
            ("seeds", 1 <= self.seeds <= MAX_SEEDS, f"1 to {MAX_SEEDS}"),
            ("in_flight", self.in_flight is None or 1 <= self.in_flight <= 10_000, "1 to 10000"),
            ("priority", 1 <= self.priority <= 100, "1 to 100"),
            ("labels", are_labels(self.labels), LABELS_WANTED),
            (
                "seeds",
                self.trials <= MAX_TRAININGS,
                f"so few that at most {MAX_TRAININGS} trainings come out",
            ),
        ):
            if not ok:
                raise InvalidSettings(f"{name} must be {want}", field=name)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Those that its trainings use."""
        return tuple(dict.fromkeys(each.train.data for each in self.settings))

    @property
    def rows(self) -> tuple[MethodSpec, ...]:
        """What is trained, in the order of a table: the baseline, then the other methods."""
        return (self.baseline, *(each for each in self.methods if each != self.baseline))

    @property
    def trainings_a_seed(self) -> int:
        """Every method in every setting once."""
        return len(self.rows) * len(self.settings)

    @property
    def trials(self) -> int:
        """Trainings in all, before seeds are added."""
        return self.trainings_a_seed * self.seeds
