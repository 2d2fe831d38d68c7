"""The arithmetic of the alignment experiment, on curves whose answers are plain."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import CurvePoint, TrainResult

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "alignment_curve.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("alignment_curve", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_measurements_of_an_epoch_are_averaged(script):
    points = [
        AlignmentPoint(0, "1", 80.0, 1.0, None),
        AlignmentPoint(0, "3", 70.0, 1.0, 90.0),
        AlignmentPoint(9, "1", 60.0, 1.0, None),
        AlignmentPoint(9, "3", 50.0, 1.0, 80.0),
        AlignmentPoint(10, "1", 40.0, 1.0, None),
        AlignmentPoint(10, "3", 30.0, 1.0, 60.0),
    ]
    assert script.by_epoch(points, 10, lambda point: point.update_angle) == {"1": [70, 40], "3": [60, 30]}
    assert script.by_epoch(points, 10, lambda point: point.feedback_angle) == {"3": [85, 60]}


def test_the_rise_is_each_seeds_own_from_the_common_lowest_window(script):
    seeds = [[90, 40, 20, 30, 40, 60], [90, 20, 40, 50, 40, 40]]
    assert script.rise(seeds, 2) == (1, [30, 30], [20, 10])
    assert script.rise([[9, 5, 1]], 1) == (2, [1], [0]), "an angle that only falls has not risen"


def test_the_turn_is_in_the_middle_of_the_lowest_window(script):
    falls_then_rises = [float(abs(epoch - 10)) for epoch in range(1, 21)]
    assert script.turning_epoch([{"1": falls_then_rises, "3": falls_then_rises}]) == 10


def test_the_last_layer_is_left_out_since_its_update_is_exact(script):
    points = [
        AlignmentPoint(step, layer, angle, 1.0, None)
        for step in range(3)
        for layer, angle in (("1", 50), ("3", 0))
    ]
    assert list(script.update_angles(TrainResult(outcome=TrialState.COMPLETED, alignment=tuple(points)))) == [
        "1"
    ]


def test_it_draws_and_tells_every_table(script, tmp_path, capsys):
    epochs, per_epoch = 12, script.STEPS_PER_EPOCH
    runs = [
        TrainResult(
            outcome=TrialState.COMPLETED,
            curve=tuple(CurvePoint(e + 1, 2.0 / (e + 1), 0.3 + seed / 100, 0.3, 1.0) for e in range(epochs)),
            alignment=tuple(
                AlignmentPoint(e * per_epoch, layer, 90 - e, 1.0, feedback)
                for e in range(epochs)
                for layer, feedback in (("1", None), ("3", 80.0 - e))
            ),
        )
        for seed in range(2)
    ]
    script.print_epochs(runs, runs)
    script.print_phases(runs)
    told = capsys.readouterr().out
    assert "| epoch | loss | validation, % | update 1 | update 3 | W–R 3 |" in told
    assert "| 12 | 0.167 ± 0.000 | 30.5 ± 0.7 | 79.0 | 79.0 | 69.0 |" in told
    assert "| update 1 | 90.0 ± 0.0 | 81.0 ± 0.0 | 8–12 | 0.0 ± 0.0 | 0 of 2 |" in told
    script.draw(runs, runs, tmp_path / "deep" / "curve.svg")
    drawn = (tmp_path / "deep" / "curve.svg").read_text()
    for title in ("training loss", "validation accuracy", "update against gradient", "W against R"):
        assert title in drawn
    script.draw(runs, runs, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == drawn
