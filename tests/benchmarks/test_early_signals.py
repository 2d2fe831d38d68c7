"""What early values say of the end, on tables whose answers are known."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tests.benchmarks.curves import HEADER, RUNGS, grid, row, script

curve_table, early_signals = script("curve_table"), script("early_signals")
NUMBERS = st.integers(0, 5).map(float)


def table_of(rows, path: Path):
    curve_table.pack(rows, HEADER, path / "curves.json.xz")
    return curve_table.unpack(path / "curves.json.xz")


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=20))
def test_rank_correlation_is_spearmans(pairs: list[tuple[float, float]]) -> None:
    one, other = zip(*pairs, strict=True)
    ours = early_signals.rank_correlation(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)


def test_what_ended_early_ranks_behind_all() -> None:
    assert early_signals.rank_correlation([-math.inf, -2.0, -1.0], [0.1, 0.2, 0.3]) == pytest.approx(1)


def test_found_in_the_best_quarter() -> None:
    truth = list(range(40))
    assert early_signals.found_in_best_quarter(truth, truth) == 10
    assert early_signals.found_in_best_quarter(truth[::-1], truth) == 0
    assert early_signals.found_in_best_quarter([*truth[:35], 0, 0, 0, 0, 0], truth) == 5


def test_a_signal_is_that_of_the_best_relative_step(tmp_path: Path) -> None:
    table = table_of(grid("g", 1.0) + grid("h", 0.5) + grid("g / g", 0.5, died_after=30), tmp_path)
    losses = early_signals.signals(table, 0, 20, early_signals.loss_read)
    assert losses == pytest.approx([-2.3 + 20 / 320, -2.3 + 10 / 320, -2.3 + 10 / 320], abs=1e-4)
    at_80 = early_signals.signals(table, 1, 80, early_signals.accuracy_read)
    assert at_80 == pytest.approx([0.1 + 0.3 / 4, 0.1 + 0.3 / 8, 0.0])


def test_what_choosing_the_relative_step_early_costs(tmp_path: Path) -> None:
    """By loss the step that is worse by 6 points looks best until the last rung, by accuracy never."""
    rows = []
    for each in grid("g", 1.0):
        if each["relative_step"] == 0.003:
            each = row("g", 0.8, each["seed"], 0.003)
            each["values"] = [[step, loss - (step < 320), *rest] for step, loss, *rest in each["values"]]
        rows.append(each)
    table = table_of(rows, tmp_path)
    assert early_signals.cost_of_choosing(table, 20, early_signals.loss_read) == pytest.approx(6.0)
    assert early_signals.cost_of_choosing(table, 20, early_signals.accuracy_read) == 0
    assert early_signals.cost_of_choosing(table, 320, early_signals.loss_read) == 0


def test_seconds_to_a_rung_are_those_of_all_relative_steps_of_one_seed(tmp_path: Path) -> None:
    table = table_of(grid("g", 1.0) + grid("g / g", 0.5, died_after=12), tmp_path)
    assert early_signals.seconds_to(table, 10) == pytest.approx(3 * (0.2 + 0.1))
    assert early_signals.seconds_to(table, 320) == pytest.approx(3 * (0.2 + (3.2 + 0.12) / 2))


def test_the_tables_tell_of_every_rung_and_of_those_carried_on(tmp_path: Path) -> None:
    rows = [each for number in range(20) for each in grid(f"e{number}", 1 - number / 20)]
    # Carried on, the first falls behind.
    further = [row(f"e{number}", 1 - number / 20, rungs=(*RUNGS, 640, 3200)) for number in range(5)]
    further[0]["values"][-1][2] = further[2]["values"][-1][2] - 0.01
    text = early_signals.signal_tables(table_of([*rows, *further], tmp_path))
    assert "all 20 equations / the 11 learners" in text
    assert "| 5 | 0.8 | 1.00 / 1.00 / 5.0 | 1.00 / 1.00 / 5.0 |" in text
    assert "| 320 | 0.00 | 0.00 |" in text
    assert "The 5 that were carried on to 3200 steps" in text
    (last_but_one,) = [line for line in text.splitlines() if line.startswith("| 640 |")]
    correlation, lost = last_but_one.split("|")[2].split("/")
    assert float(correlation) == pytest.approx(0.7)  # the first is third in the end
    assert float(lost) == pytest.approx(
        100 * (further[1]["values"][-1][2] - further[0]["values"][-1][2]), abs=0.1
    )
