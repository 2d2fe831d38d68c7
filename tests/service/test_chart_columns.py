"""Columns of charts: one place a row, nothing that is no number, lines thinned evenly, seeds in pairs."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.evaluation.curves import spaced
from backprop_evo.evaluation.statistics import paired_difference
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.charting import AttemptSpan, TrainedPoint
from backprop_evo.records.training import TrainSpec
from backprop_evo.service.chart_columns import (
    MAX_POINTS,
    angle_lines,
    attempt_columns,
    busy_workers,
    hundredths,
    layer_names,
    seed_columns,
    seeds_by_setting,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(st.floats(0, 1))
def test_hundredths_are_as_near_as_a_chart_shows(accuracy: float) -> None:
    found = hundredths(accuracy)
    assert found is not None
    assert abs(found / 10_000 - accuracy) <= 0.000_051


def test_attempts_name_each_worker_once_and_are_summed_by_worker() -> None:
    spans = [
        AttemptSpan("b", 2, "node/1", NOON, NOON + timedelta(seconds=4), "completed"),
        AttemptSpan("a", 1, "node/0", NOON, NOON + timedelta(seconds=2), "pruned"),
        AttemptSpan("c", 3, "node/1", NOON + timedelta(seconds=4), None, None),
    ]
    columns = attempt_columns(spans)
    assert [columns["workers"][place] for place in columns["worker"]] == [each.worker for each in spans]
    at_noon = round(1000 * NOON.timestamp())
    assert columns["began"] == [at_noon, at_noon, at_noon + 4000]
    assert columns["ended"] == [at_noon + 4000, at_noon + 2000, None]
    assert [(each.worker, each.attempts, each.seconds) for each in busy_workers(spans)] == [
        ("node/0", 1, 2.0),
        ("node/1", 2, 4.0),
    ]


def test_angles_without_a_direction_are_left_out_and_long_histories_thinned() -> None:
    points = [AlignmentPoint(step, "stem", 90 - 0.01 * step, 1.0, None) for step in range(1001)]
    broken = AlignmentPoint(1001, "stem", 0.0, math.nan, None)
    (line,) = angle_lines([*points, broken], lambda point: point.update_angle)
    assert 300 < len(line["points"]) <= MAX_POINTS
    assert min(degrees for _, degrees in line["points"]) > 70, "the angle of 0 belongs to the broken point"
    assert line["points"][-1] == (1000, 80.0)
    assert angle_lines(points, lambda point: point.feedback_angle) == []


def test_rounding_leaves_no_angle_of_millionths() -> None:
    points = [AlignmentPoint(step, "stem", 2e-5 * step, 1.0, None) for step in range(3)]
    (line,) = angle_lines(points, lambda point: point.update_angle)
    assert {degrees for _, degrees in line["points"]} == {0.0}


def test_a_layer_keeps_its_place_and_name_where_another_has_no_angle() -> None:
    points = [AlignmentPoint(0, "stem", 80.0, 1.0, None), AlignmentPoint(0, "head", 0.0, 1.0, 70.0)]
    assert [line["place"] for line in angle_lines(points, lambda point: point.update_angle)] == [0, 1]
    (head,) = angle_lines(points, lambda point: point.feedback_angle)
    assert (head["layer"], head["place"]) == ("head", 1)


def test_modules_that_are_but_numbered_are_counted_as_layers() -> None:
    assert layer_names(["1", "3", "5"]) == {"1": "layer 1 of 3", "3": "layer 2 of 3", "5": "layer 3 of 3"}
    assert layer_names(["stem", "1.conv"]) == {"stem": "stem", "1.conv": "1.conv"}


@given(st.lists(st.integers(), max_size=60), st.integers(1, 20))
def test_spaced_points_are_some_of_them_in_order_with_the_last(steps: list[int], at_most: int) -> None:
    points = [(place, float(step)) for place, step in enumerate(steps)]
    found = spaced(points, at_most)
    assert len(found) <= at_most
    assert found == sorted(found)
    assert set(found) <= set(points)
    assert found[-1:] == points[-1:]


def trained(seed: int, accuracy: float | None, search_id: str = "e", **more: object) -> TrainedPoint:
    told: dict[str, object] = {
        "purpose": "evaluation",
        "train": TrainSpec(epochs=2.0),
        "state": "diverged" if accuracy is None else "completed",
        "test_accuracy": None,
    }
    return TrainedPoint(
        trial_id=f"{search_id}.{seed}",
        search_id=search_id,
        seed=seed,
        validation_accuracy=accuracy,
        **(told | more),  # type: ignore[arg-type]
    )


def test_seeds_are_paired_within_one_evaluation_and_what_a_search_chose_counts_for_nothing() -> None:
    own = [trained(1, 0.5), trained(2, 0.6), trained(3, None), trained(4, 0.7), trained(1, 0.9, "s")]
    own[4] = own[4]._replace(purpose="search")
    backprop = [trained(1, 0.4), trained(2, 0.45), trained(3, 0.3), trained(4, 0.1, "other")]
    (setting,) = seeds_by_setting(own, backprop)
    assert [(each.seed, each.accuracy, each.backprop, each.chosen) for each in setting.pairs] == [
        (1, 0.5, 0.4, False),
        (2, 0.6, 0.45, False),
        (3, None, 0.3, False),
        (4, 0.7, None, False),
        (1, 0.9, None, True),
    ]
    assert setting.difference == paired_difference([0.5, 0.6], [0.4, 0.45])
    columns = seed_columns(setting)
    assert columns["accuracy"] == [5000, 6000, None, 7000, 9000]
    assert columns["difference"]["n"] == 2


def test_settings_are_apart_and_the_one_with_most_seeds_comes_first() -> None:
    few = trained(1, 0.5, train=TrainSpec(epochs=1.0))
    first, second = seeds_by_setting([few, trained(1, 0.5), trained(2, 0.5)], [])
    assert (len(first.pairs), len(second.pairs)) == (2, 1)
    assert first.setting_id != second.setting_id
    assert first.difference is None
    assert seed_columns(first)["difference"] is None


def test_cancelled_trainings_are_no_seeds() -> None:
    assert seeds_by_setting([trained(1, None, state="cancelled")], []) == ()
