"""Rungs: what is reported when, what a verdict does, and that measuring changes nothing."""

from dataclasses import replace

import pytest

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    LearningRateGrid,
    TrainSpec,
)
from backprop_evo.training import train_child
from backprop_evo.training.run.rungs import Rungs
from dsl import parse

SPEC = TrainSpec(
    model="mlp-16", epochs=3, batch_size=64, train_images=640, validation_images=100, learning_rate=0.05
)
NOISY = parse("g * (1 + gnoise(0.1))")


def trained(spec=SPEC, rungs=(), answers=lambda _value: None, equation=NOISY):
    """(result, values): ten steps an epoch."""
    values = []

    def judge(value):
        values.append(value)
        return answers(value)

    return train_child(equation, spec, seed=3, rungs=Rungs(rungs, judge)), values


def test_values_come_at_rungs_and_epochs_but_not_at_the_end():
    _, values = trained(rungs=(4, 10, 17))
    assert [(value.step, value.rung) for value in values] == [(4, 0), (10, 1), (17, 2), (20, None)]


def test_measuring_changes_nothing():
    plain = train_child(NOISY, SPEC, seed=3)
    measured, _ = trained(rungs=(3, 4, 19))
    assert measured.validation_accuracy == plain.validation_accuracy
    at_epochs = [point for point in measured.curve if point.epoch == int(point.epoch)]
    assert [(p.train_loss, p.validation_accuracy) for p in at_epochs] == [
        (p.train_loss, p.validation_accuracy) for p in plain.curve
    ]


def test_losses_are_means_since_the_value_before():
    _, each = trained(rungs=tuple(range(1, 8)))
    _, whole = trained(rungs=(7,))
    assert whole[0].train_loss == pytest.approx(sum(value.train_loss for value in each[:7]) / 7, rel=1e-6)


def test_a_pruned_training_ends_there_with_rung_reason_and_curve():
    result, values = trained(rungs=(4, 12), answers=lambda value: "too slow" if value.rung == 1 else None)
    assert (result.outcome, result.rung, result.reason) == (TrialState.PRUNED, 1, "too slow")
    assert [point.epoch for point in result.curve] == [0.4, 1.0, 1.2]
    assert result.curve[-1].validation_accuracy == values[-1].validation_accuracy
    assert result.epochs_done == 1.2


def test_a_grid_reports_the_continued_rate_only():
    grid = replace(SPEC, learning_rate=LearningRateGrid(rates=(0.01, 0.05), probe_epochs=0.5))
    _, values = trained(grid, rungs=(3, 8))
    assert [value.step for value in values] == [8, 10, 20]
