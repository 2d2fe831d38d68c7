"""The images of one training on its device: what it learns from, and what measures it for which purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from backprop_evo.data import Dataset, load, split_train_validation, validation_parts
from backprop_evo.data.dataset import Split
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.training import LearningRateGrid, TrainSpec
from backprop_evo.training.run.capability import Capability
from backprop_evo.training.run.resident import Resident, make_resident

Purpose = Literal["rates", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Images:
    """``measuring`` has the split for each purpose that this training may measure for, and none for the
    others, so that no code path can read them by mistake. ``part`` names the one that is validation;
    ``reads`` counts how often each was read in whole."""

    train: Resident
    measuring: Mapping[Purpose, Resident]
    classes: int
    part: str = "whole"
    reads: Counter[Purpose] = field(default_factory=Counter)

    def read(self, purpose: Purpose) -> Resident | None:
        """The split that is measured on; it counts as read. None: this training has none."""
        if purpose in self.measuring:
            self.reads[purpose] += 1
        return self.measuring.get(purpose)

    def account(self) -> str:
        """What was read how often, for the result: ``rates 4 × 100, fitness 2 × 600, test 1 × 500``."""
        names: dict[Purpose, str] = {"rates": "rates", "validation": self.part, "test": "test"}
        told = [
            f"{name} {self.reads[purpose]} × {len(self.measuring[purpose])}"
            for purpose, name in names.items()
            if self.reads[purpose]
        ]
        return ", ".join(told) or "none"


def load_images(spec: TrainSpec, capability: Capability, data_dir: Path | None) -> Images:
    """Raises UnknownDataset, DatasetUnusable, and InvalidSettings where nothing would measure."""
    if spec.train_on == "all" and not spec.evaluate_test:
        raise InvalidSettings(
            "train_on all leaves nothing to validate on, and the test split is not asked for",
            field="train.train_on",
            hint="set evaluate_test, or train_on train",
        )
    dataset = load(spec.data, data_dir)
    device, last = torch.device(capability.device), capability.channels_last
    if spec.train_on == "all":
        train = make_resident(dataset.train, device, cap=spec.train_images, channels_last=last)
        splits: dict[Purpose, Split] = {}
    else:
        train_split, validation = split_train_validation(dataset)
        train = make_resident(train_split, device, cap=spec.train_images, channels_last=last)
        splits = _validation(spec, validation)
    measuring = {
        purpose: make_resident(
            split, device, cap=spec.validation_images, mean_CHW=train.mean_CHW, channels_last=last
        )
        for purpose, split in splits.items()
    }
    if spec.evaluate_test:
        measuring["test"] = _test(dataset, train, device, channels_last=last)
    return Images(train, measuring, dataset.classes, spec.validation_part)


def _validation(spec: TrainSpec, validation: Split) -> dict[Purpose, Split]:
    parts = None if spec.validation_part == "whole" else validation_parts(validation)
    measured = {"fitness": parts.fitness, "finalists": parts.finalists} if parts else {"whole": validation}
    splits: dict[Purpose, Split] = {"validation": measured[spec.validation_part]}
    # Relative steps are chosen by the training loss.
    if isinstance(spec.learning_rate, LearningRateGrid):
        splits["rates"] = parts.rates if parts else validation
    return splits


def _test(dataset: Dataset, train: Resident, device: torch.device, *, channels_last: bool) -> Resident:
    return make_resident(dataset.test, device, mean_CHW=train.mean_CHW, channels_last=channels_last)
