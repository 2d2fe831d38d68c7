"""Paired differences against scipy.stats, Holm against its definition, the interval against simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from backprop_evo.evaluation.statistics import holm, paired_difference, unpaired_difference

ACCURACIES = st.lists(st.integers(0, 1000).map(lambda k: k / 1000), min_size=2, max_size=30)
P_VALUES = st.lists(st.floats(0, 1), max_size=20)


def pairs(draw_seed, n, effect=0.01):
    generator = np.random.default_rng(draw_seed)
    others = generator.normal(0.5, 0.05, n)
    return list(others + generator.normal(effect, 0.02, n)), list(others)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_interval_and_p_are_those_of_scipys_paired_t_test(n, seed):
    ones, others = pairs(seed, n)
    found = paired_difference(ones, others)
    expected = stats.ttest_rel(ones, others)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert (found.mean, found.n) == (pytest.approx(np.mean(np.subtract(ones, others))), n)


def test_few_pairs_have_no_interval():
    assert paired_difference([], []) is None
    one = paired_difference([0.5], [0.4])
    assert (one.mean, one.n) == (pytest.approx(0.1), 1)
    assert (one.low, one.high, one.p) == (None, None, None)
    with pytest.raises(ValueError, match="zip"):
        paired_difference([0.5], [])


def test_differences_without_spread_are_their_own_interval():
    same = paired_difference([0.5, 0.25], [0.5, 0.25])
    assert (same.mean, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)
    shifted = paired_difference([0.75, 0.5], [0.5, 0.25])
    assert (shifted.mean, shifted.low, shifted.high, shifted.p) == (0.25, 0.25, 0.25, 0.0)


@given(ACCURACIES, st.randoms(use_true_random=False))
def test_swapping_the_sides_flips_the_signs(ones, random):
    others = [random.randrange(1000) / 1000 for _ in ones]
    there, back = paired_difference(ones, others), paired_difference(others, ones)
    assert (back.mean, back.low, back.high) == (-there.mean, -there.high, -there.low)
    assert back.p == there.p


@given(ACCURACIES, st.randoms(use_true_random=False), st.integers(-8, 8))
def test_what_moves_both_sides_changes_nothing(ones, random, shift):
    others = [random.randrange(1000) / 1000 for _ in ones]
    before = paired_difference(ones, others)
    after = paired_difference([x + shift / 8 for x in ones], [x + shift / 8 for x in others])
    assert after.mean == pytest.approx(before.mean, abs=1e-12)
    assert (after.low, after.high) == pytest.approx((before.low, before.high), abs=1e-9)


def test_the_interval_covers_the_true_difference_in_95_of_100_trials():
    generator = np.random.default_rng(7)
    draws = generator.normal(0.01, 0.02, (4000, 5))
    found = [paired_difference(list(draw), [0.0] * 5) for draw in draws]
    covered = np.mean([each.low <= 0.01 <= each.high for each in found])
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 4000))


def holm_by_its_definition(values):
    """p_(k) adjusted = max over j ≤ k of min(1, (m - j + 1) p_(j)), k counted from the smallest."""
    m, in_order = len(values), sorted(values)
    adjusted = {}
    for k, value in enumerate(in_order):
        largest = max(min(1.0, (m - j) * in_order[j]) for j in range(k + 1))
        adjusted.setdefault(value, []).append(largest)
    return adjusted


@given(P_VALUES)
def test_holm_is_its_definition(values):
    adjusted = holm(values)
    expected = holm_by_its_definition(values)
    for value in set(values):
        of_value = sorted(found for found, given in zip(adjusted, values, strict=True) if given == value)
        assert of_value == sorted(expected[value])


@given(P_VALUES)
def test_holm_never_makes_smaller_and_keeps_the_order(values):
    adjusted = holm(values)
    assert all(low <= high <= 1 for low, high in zip(values, adjusted, strict=True))
    in_order = [found for _, found in sorted(zip(values, adjusted, strict=True))]
    assert in_order == sorted(in_order)


def test_holm_holds_the_familywise_error_by_simulation():
    generator = np.random.default_rng(3)
    wrong = [min(holm(list(generator.uniform(size=6)))) <= 0.05 for _ in range(4000)]
    assert np.mean(wrong) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 4000))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 7), (10, 4)])
def test_without_pairs_it_is_scipys_welch_test(n, m):
    generator = np.random.default_rng(n)
    ones, others = list(generator.normal(0.5, 0.01, n)), list(generator.normal(0.4, 0.1, m))
    found = unpaired_difference(ones, others)
    expected = stats.ttest_ind(ones, others, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert (found.mean, found.n) == (pytest.approx(np.mean(ones) - np.mean(others)), min(n, m))


def test_without_pairs_and_without_spread_the_difference_is_certain():
    assert unpaired_difference([], [0.5]) is None
    one = unpaired_difference([0.5], [0.25, 0.25])
    assert (one.mean, one.n, one.low) == (0.25, 1, None)
    sure = unpaired_difference([0.5, 0.5], [0.25, 0.25])
    assert (sure.low, sure.high, sure.p) == (0.25, 0.25, 0.0)
    assert unpaired_difference([0.5, 0.5], [0.5, 0.5]).p == 1.0
