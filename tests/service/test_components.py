"""Importance by component against a count by hand; tallies that hear in slices what others hear at once."""

import math

import numpy as np
import pytest
from scipy import stats

from backprop_evo.records.charting import FinishPoint
from backprop_evo.service.components import ComponentSums, Importance
from backprop_evo.service.tallies import Tallies, Tally

MEASURED = (
    ("g", 0.30),
    ("g / fro(g)", 0.36),
    ("clip(g, 1.0) * dh", 0.20),
    ("clip(g, 0.1) * dh", 0.28),
    ("min(g / fro(g), clip(h, 1.0))", 0.34),
)


def by_name(sums: ComponentSums, against: float = 0.25) -> dict[str, Importance]:
    return {each.name: each for each in sums.importances(against)}


@pytest.fixture
def sums() -> ComponentSums:
    sums = ComponentSums()
    for equation, accuracy in MEASURED:
        sums.add(equation, accuracy)
    return sums


@pytest.mark.parametrize(
    ("name", "kind", "accuracies"),
    [
        ("g", "operand", [0.30, 0.36, 0.20, 0.28, 0.34]),
        ("dh", "operand", [0.20, 0.28]),
        ("clip(x, c)", "unary", [0.20, 0.28, 0.34]),
        ("x / fro(x)", "unary", [0.36, 0.34]),
        ("min(x, y)", "binary", [0.34]),
    ],
)
def test_the_mean_and_its_interval_are_those_of_the_equations_with_it(
    sums: ComponentSums, name: str, kind: str, accuracies: list[float]
) -> None:
    found = by_name(sums)[name]
    mean, n = np.mean(accuracies) - 0.25, len(accuracies)
    assert (found.kind, found.n) == (kind, n)
    assert math.isclose(found.mean, mean)
    if n == 1:
        assert (found.low, found.high) == (None, None)
        return
    low, high = stats.t.interval(0.95, n - 1, loc=mean, scale=stats.sem(accuracies))
    assert found.low is not None
    assert found.high is not None
    assert math.isclose(found.low, low)
    assert math.isclose(found.high, high)


def test_the_same_component_twice_counts_once() -> None:
    sums = ComponentSums()
    sums.add("clip(g, 1.0) * clip(g, 0.1)", 0.5)
    assert {name: each.n for name, each in by_name(sums).items()} == {"g": 1, "clip(x, c)": 1, "x * y": 1}


def test_kinds_stand_together_with_the_best_first(sums: ComponentSums) -> None:
    found = sums.importances(0.25)
    assert [each.kind for each in found] == sorted(
        (each.kind for each in found), key=("operand", "unary", "binary").index
    )
    for kind in ("operand", "unary", "binary"):
        means = [each.mean for each in found if each.kind == kind]
        assert means == sorted(means, reverse=True)


def test_a_text_that_is_none_of_this_version_is_left_out(sums: ComponentSums) -> None:
    before = sums.importances(0.25)
    sums.add("of_another_version(g)", 0.9)
    assert sums.importances(0.25) == before
    assert sums.equations == len(MEASURED)


class Charts:
    """Finishes out of a list; counts how many rows were read."""

    def __init__(self, points: list[FinishPoint]) -> None:
        self.points, self.rows = points, 0

    def finishes(self, search_id: str, *, after: int = 0, limit: int) -> list[FinishPoint]:
        assert search_id in "abcs"
        found = [point for point in self.points if point.finish_order > after][:limit]
        self.rows += len(found)
        return found


class Store:
    def __init__(self, points: list[FinishPoint]) -> None:
        self.charts = Charts(points)


def history() -> list[FinishPoint]:
    points = [FinishPoint(1, 0, "baseline", "completed", 0.4, None, "g")]
    for order, (equation, accuracy) in enumerate(MEASURED, start=2):
        points.append(FinishPoint(order, order, "search", "completed", accuracy, None, equation))
    points.append(FinishPoint(7, 7, "search", "pruned", 0.9, 0, "g"))
    points.append(FinishPoint(8, 8, "search", "diverged", None, None, "g"))
    points.append(FinishPoint(9, 9, "remeasurement", "completed", 0.95, None, "g"))
    return points


def told(tally: Tally) -> object:
    return (
        tally.last,
        dict(tally.counts),
        [(each.finish_order, each.accuracy) for each in tally.improvements],
        tally.components.importances(0.25),
        len(tally.waiting),
    )


def test_slices_come_to_the_same_as_all_at_once_and_read_each_row_once() -> None:
    whole = Tallies(Store(history())).of("s", at_most=100, equations=100)  # type: ignore[arg-type]
    assert not whole.is_behind
    assert [each.accuracy for each in whole.improvements] == [0.30, 0.36]
    assert whole.counts["search", "completed"] == len(MEASURED)
    store = Store(history())
    tallies = Tallies(store)  # type: ignore[arg-type]
    assert tallies.of("s", at_most=4).is_behind
    assert len(tallies.of("s", at_most=4, equations=2).waiting) == 3
    for _ in range(3):
        tally = tallies.of("s", at_most=4, equations=2)
    assert told(tally) == told(whole)
    assert store.charts.rows == len(history())


def test_a_tally_goes_on_where_it_was() -> None:
    store = Store(history()[:3])
    tallies = Tallies(store)  # type: ignore[arg-type]
    assert tallies.of("s").last == 3
    store.charts.points = history()
    assert tallies.of("s").last == 9


def test_the_one_not_seen_for_longest_is_forgotten() -> None:
    store = Store(history())
    tallies = Tallies(store, most_kept=2)  # type: ignore[arg-type]
    for search_id in ("a", "b", "a", "c"):
        tallies.of(search_id)
    before = store.charts.rows
    tallies.of("a")
    assert store.charts.rows == before
    tallies.of("b")
    assert store.charts.rows == before + len(history())
