"""Settings in words: what people read beside an id."""

from dataclasses import fields, replace

import pytest

from backprop_evo.records.evaluating import NO_PART_OF_A_SETTING, setting_id, setting_words
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec

QUICK = TrainSpec(
    model="wrn-10-1",
    data="cifar10-mini",
    epochs=2.0,
    learning_rate=RelativeStepGrid(relative_steps=(0.01, 0.03, 0.1)),
)


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({}, "sgd, batch 128, relative 0.01/0.03/0.1"),
        ({"learning_rate": 1e-3}, "sgd, batch 128, rate 0.001"),
        ({"learning_rate": 1}, "sgd, batch 128, rate 1"),
        ({"learning_rate": LearningRateGrid(rates=(0.1, 1.0), probe_epochs=1)}, "0.1/1, probe epochs 1"),
        ({"augment": False, "reestimate_batches": 3}, "0.1, augment off, reestimate batches 3"),
        ({"optimizer": "momentum", "train_images": 500}, "relative 0.01/0.03/0.1, train images 500"),
        ({"time_limit_s": 9.0, "evaluate_test": True}, "sgd, batch 128, relative 0.01/0.03/0.1"),
        ({"validation_part": "finalists"}, "sgd, batch 128, relative 0.01/0.03/0.1"),
        ({"validation_part": "whole"}, "relative 0.01/0.03/0.1, all of validation"),
    ],
)
def test_a_setting_is_told_in_words(change, end):
    words = setting_words(replace(QUICK, **change))
    assert words.startswith("wrn-10-1, cifar10-mini, 2 epochs, ")
    assert words.endswith(end)


def test_settings_that_differ_are_told_differently():
    """One field changed at a time, and by little: no two of them may read the same."""
    changes = {
        "model": "wrn-10-2",
        "data": "cifar10",
        "epochs": 2.0000001,
        "batch_size": 129,
        "optimizer": "momentum",
        "momentum": 0.9000001,
        "weight_decay": 0.00050000001,
        "schedule": "cosine",
        "augment": False,
        "feedback": "usf",
        "precision": "bf16",
        "train_images": 128,
        "validation_images": 128,
        "reestimate_batches": 1,
        "validation_part": "whole",
        "train_on": "all",
        "classifier_rate": 0.1,
        "decay": "decoupled",
        "warm_up_steps": 1,
        "alignment_every": 1,
        "deterministic": False,
    }
    grid = QUICK.learning_rate
    rates = [
        replace(grid, relative_steps=(0.01, 0.03)),
        replace(grid, relative_steps=(0.01, 0.03, 0.10000000001)),
        replace(grid, probe_epochs=1.0),
        replace(grid, extra_probes=2),
        LearningRateGrid(rates=grid.relative_steps),
        0.01,
    ]
    specs = [QUICK, *(replace(QUICK, **{name: value}) for name, value in changes.items())]
    specs += [replace(QUICK, learning_rate=rate) for rate in rates]
    counted = {each.name for each in fields(TrainSpec)} - {*NO_PART_OF_A_SETTING, "learning_rate"}
    assert set(changes) == counted
    assert len({setting_id(each) for each in specs}) == len(specs)
    assert len({setting_words(each) for each in specs}) == len(specs)
