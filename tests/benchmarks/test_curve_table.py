"""The table of training curves: packing, and what is true in it."""

import json
import lzma
from pathlib import Path

import pytest

from tests.benchmarks.curves import HEADER, RUNGS, grid, row, script

curve_table = script("curve_table")


def packed(rows, path: Path, **header):
    curve_table.pack(rows, HEADER | header, path)
    return curve_table.unpack(path)


def test_what_is_packed_is_what_was_measured(tmp_path: Path) -> None:
    rows = grid("g", 1.0) + grid("h", 0.5, parent="g", carries_error=False)
    table = packed(rows, tmp_path / "curves.json.xz")
    assert [each.text for each in table.equations] == ["g", "h"]
    assert [each.parent for each in table.equations] == [None, 0]
    assert [each.carries_error for each in table.equations] == [True, False]
    training = table.trainings[0, 1, 0.01]
    assert (training.outcome, training.steps, training.set_up_s) == ("completed", 320, 0.2)
    assert [value.step for value in training.values] == list(RUNGS)
    assert training.at(160) == curve_table.Value(160, 1.8, 0.25, 1.6, 0.1)
    assert training.accuracy == pytest.approx(0.4)
    assert table.header["equations"] == 2


def test_a_training_that_died_has_the_values_before_and_chance_at_the_end(tmp_path: Path) -> None:
    rows = grid("g", 1.0) + grid("h / h", 0.5, died_after=12)
    training = packed(rows, tmp_path / "curves.json.xz").trainings[1, 0, 0.01]
    assert [value.step for value in training.values] == [5, 10]
    assert (training.steps, training.trained_s, training.at(20)) == (12, 0.12, None)
    assert training.accuracy == curve_table.CHANCE


def test_true_is_the_mean_over_seeds_at_the_relative_step_where_that_is_best(tmp_path: Path) -> None:
    accuracies = {(0, 0.003): 0.5, (1, 0.003): 0.1, (0, 0.01): 0.3, (1, 0.01): 0.4, (0, 0.03): 0.2}
    rows = [
        row("g", (accuracies.get((seed, step), 0.2) - 0.1) / 0.3, seed, step)
        for seed in (0, 1)
        for step in HEADER["relative_steps"]
    ]
    table = packed(rows, tmp_path / "curves.json.xz")
    assert table.true_accuracy(0) == pytest.approx(0.35)
    best = curve_table.best_by_accuracy(rows)["g"]
    assert (best.relative_step, best.accuracy) == (0.01, pytest.approx(0.35))


def test_an_equation_that_is_not_whole_waits(tmp_path: Path) -> None:
    rows = grid("g", 1.0) + grid("h", 0.5)[:-1]
    table = packed(rows, tmp_path / "both.json.xz")
    assert [each.text for each in table.equations] == ["g"]
    table = packed(rows, tmp_path / "one.json.xz", seeds=(0,))
    assert [each.text for each in table.equations] == ["g", "h"]
    assert {seed for _, seed, _ in table.trainings} == {0}
    with pytest.raises(ValueError, match="with fewer --seeds"):
        curve_table.pack(rows[:2], HEADER, tmp_path / "none.json.xz")


def test_a_mutant_whose_parent_is_not_there_has_none(tmp_path: Path) -> None:
    table = packed(grid("h", 0.5, parent="g"), tmp_path / "curves.json.xz")
    assert table.equations[0].parent is None


def test_those_carried_on_stand_apart(tmp_path: Path) -> None:
    further = row("g", 1.0, rungs=(*RUNGS, 640, 3200))
    table = packed([*grid("g", 1.0), further], tmp_path / "curves.json.xz")
    (training,) = table.further
    assert [value.step for value in training.values] == [*RUNGS, 640, 3200]
    assert len(table.trainings) == 6


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.json.xz"
    path.write_bytes(lzma.compress(json.dumps({"header": {"format": 0, "rungs": RUNGS}}).encode()))
    with pytest.raises(ValueError, match="make it anew"):
        curve_table.unpack(path)
