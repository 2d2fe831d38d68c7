"""Finishes thinned out for a chart: records stay, failures are counted, the rest is drawn by lot."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.records.charting import FinishPoint
from backprop_evo.service.finish_columns import (
    LOTS_A_COUNT,
    MOST_DRAWN,
    every_for,
    fitness_columns,
    is_drawn,
)

STEPS = (1, 2, 5, 20)
ENDS = (("completed", True), ("pruned", True), ("pruned", False), ("diverged", False), ("oom", False))


@st.composite
def histories(draw: st.DrawFn) -> list[FinishPoint]:
    """With gaps, as a trial that is tried again finishes anew."""
    ended = draw(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(ENDS), st.floats(0, 1)), max_size=120))
    purposes = st.sampled_from(("search", "search", "search", "remeasurement", "baseline", "yardstick"))
    points, order = [], 0
    for step, (state, is_shown), accuracy in ended:
        order += step
        told = accuracy if is_shown else None
        points.append(FinishPoint(order, 0, draw(purposes), state, told, None, "g"))
    return points


def is_trial(point: FinishPoint) -> bool:
    return point.purpose == "search" and point.state == "completed"


def test_a_page_of_a_short_search_has_a_place_for_every_finish() -> None:
    points = [
        FinishPoint(8, 3, "search", "completed", 0.30125, None, "g"),
        FinishPoint(9, 4, "search", "pruned", 0.125, 11, "h"),
        FinishPoint(10, 5, "remeasurement", "diverged", None, None, "g"),
        FinishPoint(11, 6, "confirmation", "oom", None, None, "g"),
        FinishPoint(14, 7, "remeasurement", "completed", 0.5, None, "g"),
    ]
    assert fitness_columns(points, 7, 5) == {
        "after": 7,
        "last": 14,
        "more": True,
        "every": 1,
        "fits": 1,
        "best": 0.30125,
        "low": 1250,
        "high": 5000,
        "order": [8, 9, 14],
        "accuracy": [3012, 1250, 5000],
        "purpose": "ssr",
        "state": "cpc",
        "rung": "-b-",
        "failed": {"width": 1, "first": [10, 11], "state": "do", "count": [1, 1]},
    }
    nothing = fitness_columns([], 7, 5, best=0.25)
    assert (nothing["last"], nothing["best"], nothing["low"]) == (7, 0.25, None)
    assert not fitness_columns(points, 7, 6)["more"]


@given(histories(), st.sampled_from(STEPS))
def test_every_record_is_there(points: list[FinishPoint], every: int) -> None:
    found = fitness_columns(points, 0, 1000, every=every)
    best, records = -1.0, []
    for point in filter(is_trial, points):
        if point.accuracy is not None and point.accuracy > best:
            best, records = point.accuracy, [*records, point.finish_order]
    assert set(records) <= set(found["order"])
    assert found["best"] == (best if records else None)


@given(histories(), st.sampled_from(STEPS))
def test_what_is_neither_record_nor_measure_is_there_by_its_number_alone(
    points: list[FinishPoint], every: int
) -> None:
    high = [
        point._replace(accuracy=1 - point.accuracy if point.accuracy is not None else None)
        for point in points
    ]
    for history in (points, high):
        shown = fitness_columns(history, 0, 1000, every=every)["order"]
        successes = [each.finish_order for each in history if each.accuracy is not None]
        drawn = {order for order in successes if is_drawn(order, every)}
        assert drawn <= set(shown)
        best, others = -1.0, set()
        for each in history:
            if each.accuracy is None:
                continue
            is_record = is_trial(each) and each.accuracy > best
            best = each.accuracy if is_record else best
            if is_record or each.purpose in ("baseline", "yardstick"):
                others.add(each.finish_order)
        assert set(shown) == drawn | others


@given(histories(), st.sampled_from(STEPS), st.integers(1, 40))
def test_pages_of_any_size_tell_what_one_page_tells(points: list[FinishPoint], every: int, size: int) -> None:
    whole = fitness_columns(points, 0, 1000, every=every)
    orders, counts, best, after = list[int](), dict[tuple[int, str], int](), None, 0
    for start in range(0, len(points), size):
        page = fitness_columns(points[start : start + size], after, size, every=every, best=best)
        orders += page["order"]
        failed = page["failed"]
        for first, state, count in zip(failed["first"], failed["state"], failed["count"], strict=True):
            counts[first, state] = counts.get((first, state), 0) + count
        best, after = page["best"], page["last"]
    assert orders == whole["order"]
    failed = whole["failed"]
    assert counts == dict(
        zip(zip(failed["first"], failed["state"], strict=True), failed["count"], strict=True)
    )


@given(histories(), st.sampled_from(STEPS))
def test_failures_are_all_counted_where_they_are(points: list[FinishPoint], every: int) -> None:
    failed = fitness_columns(points, 0, 1000, every=every)["failed"]
    missed = [
        each for each in points if each.accuracy is None and each.purpose not in ("baseline", "yardstick")
    ]
    assert sum(failed["count"]) == len(missed)
    assert failed["width"] == (1 if every == 1 else LOTS_A_COUNT * every)
    for first in set(failed["first"]):
        told = sum(n for at, n in zip(failed["first"], failed["count"], strict=True) if at == first)
        assert told == sum(first <= each.finish_order < first + failed["width"] for each in missed)


@pytest.mark.parametrize("every", STEPS)
def test_the_lot_falls_on_one_of_its_neighbours_and_on_each_place_alike(every: int) -> None:
    drawn = [order for order in range(1, 1000 * every + 1) if is_drawn(order, every)]
    assert [(order - 1) // every for order in drawn] == list(range(1000))
    places = [(order - 1) % every for order in drawn]
    expected = 1000 / every
    # Of 1,000 throws none is further off than five standard deviations.
    for place in range(every):
        assert abs(places.count(place) - expected) <= 5 * expected**0.5


def test_steps_are_round_grow_seldom_and_bound_what_is_drawn() -> None:
    told = [(0, 1), (5_000, 1), (5_001, 2), (10_001, 5), (25_001, 10), (100_000, 20), (100_001, 50)]
    assert [every_for(finishes) for finishes, _ in told] == [every for _, every in told]
    steps = [every_for(finishes) for finishes in range(0, 3_000_000, 997)]
    assert all(one <= other for one, other in pairwise(steps))
    for finishes in (5_001, 99_999, 100_000, 2_345_678):
        assert finishes / every_for(finishes) <= MOST_DRAWN


def test_a_long_history_is_bounded_and_as_dense_as_it_is() -> None:
    """A tenth is good: a tenth of what is drawn is."""
    points = [
        FinishPoint(order, 0, "search", "completed", 0.5 if order % 10 == 3 else 0.1, None, "g")
        for order in range(1, 25_001)
    ]
    found = fitness_columns(points, 0, 30_000, every=every_for(25_000))
    assert len(found["order"]) <= MOST_DRAWN + 2, "two records"
    good = sum(accuracy == 5000 for accuracy in found["accuracy"]) / len(found["order"])
    assert 0.08 < good < 0.12
