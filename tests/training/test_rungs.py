"""Rungs: what is reported when, what a verdict does, and that measuring changes nothing."""

from dataclasses import replace

import pytest

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    LearningRateGrid,
    RelativeStepGrid,
    TrainSpec,
)
from backprop_evo.training import train_child
from backprop_evo.training.run.loop import Run
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


GRID = replace(SPEC, learning_rate=LearningRateGrid(rates=(0.01, 0.05), probe_epochs=0.5))
RELATIVE = replace(SPEC, learning_rate=RelativeStepGrid(relative_steps=(0.01, 0.05), probe_epochs=0.5))


@pytest.mark.parametrize("spec", [GRID, RELATIVE], ids=["rates", "relative steps"])
def test_a_rung_inside_the_probes_is_judged_once_and_for_the_rate_that_was_chosen(spec):
    probed, values = trained(spec, rungs=(3, 8))
    assert [(value.step, value.rung) for value in values] == [(3, 0), (8, 1), (10, None), (20, None)]
    alone, of_alone = trained(replace(SPEC, learning_rate=probed.learning_rate), rungs=(3, 8))
    assert values == of_alone
    assert alone.curve[-1].train_loss == probed.curve[-1].train_loss


def test_all_epochs_of_a_long_probe_are_told_too():
    grid = replace(SPEC, learning_rate=LearningRateGrid(rates=(0.01, 0.05), probe_epochs=2.5))
    _, values = trained(grid, rungs=(8,))
    assert [value.step for value in values] == [8, 10, 20]


@pytest.mark.parametrize("spec", [GRID, RELATIVE], ids=["rates", "relative steps"])
def test_who_is_behind_at_a_rung_inside_the_probes_ends_after_them(spec):
    result, values = trained(spec, rungs=(3, 8), answers=lambda _value: "behind")
    assert len(values) == 1
    assert (result.outcome, result.rung, result.reason) == (TrialState.PRUNED, 0, "behind")
    assert result.epochs_done == 0.5
    assert len(result.probes) >= 2


def test_where_the_winner_begins_anew_its_probe_is_not_judged():
    _, values = trained(replace(RELATIVE, schedule="cosine"), rungs=(3, 8))
    assert [value.step for value in values] == [3, 8, 10, 20]


def test_an_accuracy_that_nobody_compares_by_is_not_measured(monkeypatch):
    measured, original = [], Run.measure

    def measure(self, purpose):
        if purpose == "validation":
            measured.append(self.step)
        return original(self, purpose)

    monkeypatch.setattr(Run, "measure", measure)
    values = []
    rungs = Rungs((3, 8, 13), values.append, measures_accuracy=False)
    result = train_child(NOISY, RELATIVE, seed=3, rungs=rungs)
    assert measured == [10, 20, 30]
    assert [value.validation_accuracy is None for value in values] == [True, True, False, True, False]
    _, compared = trained(RELATIVE, rungs=(3, 8, 13))
    assert [value.train_loss for value in values] == [value.train_loss for value in compared]
    unknown = [point.epoch for point in result.curve if point.validation_accuracy is None]
    assert (unknown, len(result.curve)) == ([0.3, 0.8, 1.3], 6)
