"""Ticks enclose the data, points land in the drawing, what is not finite is left out."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api.charts import SIZE, Series, chart, drawable, even_ticks

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
