"""The alignment table's figures: first, lowest and last angle of each layer in the mean over seeds."""

import math
from dataclasses import replace

import pytest

from backprop_evo.cli.alignment_table import LayerAlignment, layer_alignments, steps_per_epoch
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult, TrainSpec
from backprop_evo.training import train_child
from dsl import parse


def result(*points: AlignmentPoint, outcome: TrialState = TrialState.COMPLETED) -> TrainResult:
    return TrainResult(outcome=outcome, alignment=points)


def test_layers_are_in_network_order_and_averaged_over_seeds():
    one = result(
        AlignmentPoint(0, "10", 90, 1.0, None),
        AlignmentPoint(0, "2", 0, 1.0, 88.0),
        AlignmentPoint(5, "10", 30, 2.0, None),
        AlignmentPoint(5, "2", 0, 1.0, 70.0),
        AlignmentPoint(10, "10", 50, 4.0, None),
        AlignmentPoint(10, "2", 0, 1.0, 60.0),
    )
    shifted = [replace(point, update_angle=point.update_angle + 10) for point in one.alignment]
    assert layer_alignments([one, result(*shifted)]) == [
        LayerAlignment("10", 95, 35, 5, 55, 4.0, None, None),
        LayerAlignment("2", 5, 5, 0, 5, 1.0, 88.0, 60.0),
    ]


def test_a_training_that_ended_early_does_not_cut_the_others_short():
    whole = result(AlignmentPoint(0, "1", 80, 1.0, None), AlignmentPoint(9, "1", 40, 1.0, None))
    short = result(AlignmentPoint(0, "1", 20, 1.0, None), outcome=TrialState.DIVERGED)
    (row,) = layer_alignments([short, whole])
    assert (row.first, row.last) == (80, 40)
    assert layer_alignments([short]) == []


@pytest.mark.parametrize("ratio", [math.nan, math.inf])
def test_a_measurement_without_a_direction_is_left_out(ratio):
    points = [AlignmentPoint(step, "1", 60 - step, 1.0, None) for step in (0, 1)]
    (row,) = layer_alignments(
        [result(*points, AlignmentPoint(2, "1", 0, ratio, None), outcome=TrialState.DIVERGED)]
    )
    assert (row.lowest, row.last) == (59, 59)


def test_nothing_measured_is_no_table():
    assert layer_alignments([]) == layer_alignments([result()]) == []


@pytest.mark.parametrize(("images", "batch"), [(260, 128), (50, 128), (200, 32)])
def test_steps_of_an_epoch_are_the_trainers(images, batch):
    spec = TrainSpec(
        model="mlp-4",
        train_images=images,
        validation_images=10,
        batch_size=batch,
        epochs=2,
        learning_rate=0.1,
        alignment_every=1,
    )
    points = train_child(parse("g"), spec, seed=0).alignment
    assert 2 * steps_per_epoch(spec) == points[-1].step + 1


def test_a_whole_split_counts_without_validation():
    assert steps_per_epoch(TrainSpec(data="cifar10", batch_size=128)) == 45_000 // 128
