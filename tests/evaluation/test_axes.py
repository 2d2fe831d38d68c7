"""Ticks enclose the data at equal distances."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.evaluation.axes import even_ticks

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
