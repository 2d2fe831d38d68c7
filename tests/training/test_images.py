"""Which images measure what: parts of validation that decide once each, and the test split read once."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from backprop_evo import data
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.training.run import evaluation
from backprop_evo.training.run.trainer import train_child

SPEC = TrainSpec(model="mlp-8", epochs=2, batch_size=64, learning_rate=0.05, train_images=640)
ABSOLUTE = LearningRateGrid(rates=(0.01, 0.1), probe_epochs=0.2)
RELATIVE = RelativeStepGrid(relative_steps=(0.01, 0.03), probe_epochs=0.2, extra_probes=0)
SIZES = {"rates": 100, "fitness": 600, "finalists": 300, "whole": 1000, "test": 500}


@pytest.fixture
def read(monkeypatch):
    """Counts what is really read, by the pixels: {part: times}."""
    validation = data.split_train_validation(data.load("cifar10-mini"))[1]
    parts = data.validation_parts(validation)
    known = {
        split.images.tobytes(): name
        for name, split in (
            ("rates", parts.rates),
            ("fitness", parts.fitness),
            ("finalists", parts.finalists),
            ("whole", validation),
            ("test", data.load("cifar10-mini").test),
        )
    }
    counted: Counter[str] = Counter()
    original = evaluation.accuracy

    def counting(child, split):
        counted[known[np.ascontiguousarray(split.images_NCHW.numpy()).tobytes()]] += 1
        return original(child, split)

    monkeypatch.setattr("backprop_evo.training.run.loop.accuracy", counting)
    return counted


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"fitness": 2}),
        ({"learning_rate": ABSOLUTE}, {"rates": 2, "fitness": 2}),
        ({"learning_rate": RELATIVE}, {"fitness": 2}),
        ({"learning_rate": ABSOLUTE, "validation_part": "finalists"}, {"rates": 2, "finalists": 2}),
        ({"validation_part": "finalists", "evaluate_test": True}, {"finalists": 2, "test": 1}),
        ({"learning_rate": ABSOLUTE, "validation_part": "whole"}, {"whole": 4}),
        ({"train_on": "all", "evaluate_test": True}, {"test": 1}),
    ],
)
def test_every_choice_reads_images_of_its_own(read, changes, expected):
    result = train_child("g", replace(SPEC, **changes), seed=0)
    assert result.outcome is TrialState.COMPLETED
    assert read == expected
    told = result.environment["measured on"]
    for name, times in expected.items():
        if name != "whole":
            assert f"{name} {times} × {SIZES[name]}" in told


def test_nothing_measured_is_told_too():
    result = train_child("g", replace(SPEC, learning_rate=1e9, model="mlp-8-8"), seed=0)
    assert result.outcome is TrialState.DIVERGED
    assert result.environment["measured on"] == "none"


def test_the_part_changes_the_measurement_and_not_the_training():
    fitness, finalists = (
        train_child("g", replace(SPEC, learning_rate=ABSOLUTE, validation_part=part), seed=1)
        for part in ("fitness", "finalists")
    )
    assert [p.train_loss for p in fitness.curve] == [p.train_loss for p in finalists.curve]
    assert fitness.validation_accuracy != finalists.validation_accuracy


class TestTrainingOnAll:
    def test_validation_images_are_trained_on(self):
        spec = replace(SPEC, epochs=1, train_images=None, evaluate_test=True)
        some, everything = (
            train_child("g", replace(spec, train_on=which), seed=0) for which in ("train", "all")
        )
        assert (some.validation_accuracy is None, everything.validation_accuracy is None) == (False, True)
        assert everything.test_accuracy is not None
        # 4,000 and 5,000 images in steps of 64.
        assert (everything.epochs_done, some.epochs_done) == (1.0, 1.0)
        assert everything.test_accuracy != some.test_accuracy

    def test_without_the_test_split_nothing_would_measure(self):
        with pytest.raises(InvalidSettings, match="nothing to validate on") as refused:
            train_child("g", replace(SPEC, train_on="all"), seed=0)
        assert refused.value.field == "train.train_on"

    def test_absolute_rates_cannot_be_chosen(self):
        with pytest.raises(InvalidSettings, match="no validation images") as refused:
            replace(SPEC, train_on="all", learning_rate=ABSOLUTE)
        assert refused.value.field == "train.learning_rate"
        assert replace(SPEC, train_on="all", learning_rate=RELATIVE).train_on == "all"

    def test_relative_steps_are_chosen_by_loss(self):
        result = train_child(
            "g", replace(SPEC, train_on="all", learning_rate=RELATIVE, evaluate_test=True), seed=0
        )
        assert len(result.probes) == 2
        assert result.test_accuracy is not None
