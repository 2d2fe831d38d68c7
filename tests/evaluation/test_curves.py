"""Curves over each other as a table, and specs field by field."""

from itertools import pairwise

import pytest

from backprop_evo.evaluation.curves import MeanPoint, curve_rows, mean_curves, rates_of
from backprop_evo.evaluation.differing import fields_side_by_side
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import CurvePoint, TrainResult


def result(*points: tuple[float, float | None], rate: float | None = 0.1) -> TrainResult:
    curve = tuple(CurvePoint(epoch, 1.0, accuracy, 0.1, epoch) for epoch, accuracy in points)
    return TrainResult(outcome=TrialState.COMPLETED, learning_rate=rate, curve=curve)


def test_means_by_epoch_over_those_that_measured_there() -> None:
    one = [result((1, 0.2), (2, 0.4)), result((1, 0.4), (2, None))]
    rows = curve_rows([one, [result((2, 0.5))]])
    assert [(row.epoch, row.means) for row in rows] == [(1, (0.30000000000000004, None)), (2, (0.4, 0.5))]


def test_a_long_curve_is_thinned_evenly_and_keeps_its_end() -> None:
    rows = curve_rows([[result(*((epoch, 0.1) for epoch in range(1, 101)))]], most=12)
    epochs = [row.epoch for row in rows]
    assert len(epochs) <= 12
    assert epochs[-1] == 100
    assert {later - earlier for earlier, later in pairwise(epochs)} == {9}


def test_lines_say_how_far_seeds_are_apart() -> None:
    one = [result((1, 0.2), (2, 0.4)), result((1, 0.4), (2, None))]
    (line, other) = mean_curves([one, []])
    assert line == (
        MeanPoint(1, pytest.approx(0.3), pytest.approx(0.02**0.5), 2),  # type: ignore[arg-type]
        MeanPoint(2, 0.4, None, 1),
    )
    assert other == ()
    (long,) = mean_curves([[result(*((epoch, 0.1) for epoch in range(1, 101)))]], most=12)
    assert long[-1].epoch == 100
    assert {later.epoch - earlier.epoch for earlier, later in pairwise(long)} == {9}


def test_without_a_curve_there_are_no_rows() -> None:
    assert curve_rows([[], []]) == ()


def test_rates_are_counted_and_sorted() -> None:
    assert list(
        rates_of([result(rate=0.3), result(rate=0.1), result(rate=0.3), result(rate=None)]).items()
    ) == [
        (0.1, 1),
        (0.3, 2),
    ]


def test_fields_are_marked_where_they_differ_and_where_one_is_missing() -> None:
    rows = fields_side_by_side(
        [
            {"a": 1, "b": {"c": True, "d": [1, 2]}, "e": None},
            {"a": 1, "b": {"c": False, "d": [1, 2]}, "f": []},
        ]
    )
    assert {row.name: (row.values, row.differs) for row in rows} == {
        "a": (("1", "1"), False),
        "b.c": (("yes", "no"), True),
        "b.d": (("1, 2", "1, 2"), False),
        "e": (("–", "–"), False),
        "f": (("–", "none"), True),
    }
