"""Ticks enclose the data, points land in the drawing, what is not finite is left out."""

import math
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.charts import (
    MAX_POINTS,
    SIZE,
    Series,
    chart,
    drawable,
    feedback_angle_chart,
    fitness_chart,
    update_angle_chart,
)
from backprop_evo.evaluation.axes import even_ticks
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import FinishRecord, TrialRecord
from backprop_evo.records.training import TrainResult, TrainSpec

FINITE = st.floats(-1e6, 1e6)


@given(FINITE, FINITE, st.booleans())
def test_ticks_enclose_the_data_at_equal_distances(one: float, other: float, whole: bool) -> None:
    low, high = sorted((one, other))
    ticks = even_ticks(low, high, whole=whole)
    step = ticks[1] - ticks[0]
    assert len(ticks) == 5
    assert ticks[0] <= low + 1e-6 * step
    assert ticks[-1] >= high - 1e-6 * step
    assert all(math.isclose(b - a, step, rel_tol=1e-3) for a, b in pairwise(ticks))
    assert not whole or all(tick % 1 == 0 for tick in ticks)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=30))
def test_every_point_lands_in_the_drawing(points: list[tuple[float, float]]) -> None:
    drawn = chart("t", [Series("s", "line", tuple(points))], x_label="x", y_label="y")
    finite = [point for point in points if all(map(drawable, point))]
    assert (drawn is None) == (not finite)
    if drawn is not None:
        numbers = [
            float(part)
            for pair in drawn.series[0].path.replace("h0", "")[1:].split(" L")
            for part in pair.split(",")
        ]
        assert len(numbers) == 2 * len(finite)
        assert all(-1 <= number <= SIZE + 1 for number in numbers)


def test_angles_without_a_direction_are_left_out_and_long_histories_thinned() -> None:
    points = [AlignmentPoint(step, "stem", 90 - 0.01 * step, 1.0, None) for step in range(1001)]
    broken = AlignmentPoint(1001, "stem", 0.0, math.nan, None)
    trial = trial_with(TrainResult(outcome=TrialState.DIVERGED, alignment=(*points, broken)))
    drawn = update_angle_chart(trial)
    assert drawn is not None
    (line,) = drawn.series
    assert 300 < line.path.count("L") < MAX_POINTS
    assert float(drawn.y_ticks[-1]) > 70, "the angle of 0 belongs to the broken point"
    assert feedback_angle_chart(trial) is None


def trial_with(result: TrainResult) -> TrialRecord:
    return TrialRecord(
        id="t",
        search_id="s",
        individual=1,
        method=equation_method("g"),
        fingerprint="f",
        purpose=Purpose.SEARCH,
        spec=TrainSpec(),
        seed=0,
        state=TrialState.DIVERGED,
        fence=1,
        created_at=datetime.now(UTC),
        queued_at=datetime.now(UTC),
        result=result,
    )


def finish(order: int, accuracy: float | None, purpose: Purpose = Purpose.SEARCH) -> FinishRecord:
    return FinishRecord(
        trial_id=str(order),
        individual=order,
        purpose=purpose,
        state=TrialState.COMPLETED if accuracy is not None else TrialState.PRUNED,
        finish_order=order,
        validation_accuracy=accuracy,
    )


def test_the_best_of_another_search_is_a_line_of_its_own() -> None:
    own = [finish(1, 0.25), finish(2, 0.5)]
    theirs = [
        finish(1, 0.9, Purpose.BASELINE),
        finish(2, 0.25),
        finish(3, None),
        finish(4, 0.5),
        finish(5, 0.25),
    ]
    alone, both = fitness_chart(own), fitness_chart(own, beside=("random search", theirs))
    assert alone is not None
    assert both is not None
    assert [each.label for each in alone.series] == ["search trials", "best so far"]
    line = both.series[-1]
    assert (line.label, line.kind) == ("best so far, random search", "beside")
    # The axes go from trial 1 to 5, and from 20 to 60 %.
    (low, high), (second, fourth, fifth) = (875.0, 250.0), (250.0, 750.0, 1000.0)
    places = [tuple(map(float, point[1:].split(","))) for point in line.path.split()]
    assert places == [(second, low), (fourth, low), (fourth, high), (fifth, high)]


def test_a_search_beside_one_without_a_fitness_has_no_line() -> None:
    drawn = fitness_chart([finish(1, 0.25)], beside=("random search", [finish(1, None)]))
    assert drawn is not None
    assert "beside" not in {each.kind for each in drawn.series}
