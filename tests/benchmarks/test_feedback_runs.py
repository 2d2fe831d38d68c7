"""The ends of runs and saturation: the measures themselves, and both tables in a very short form."""

import importlib.util
import math
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "feedback_runs.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("feedback_runs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_distance_is_none_between_equals_and_root_two_between_strangers(script):
    one, other = torch.eye(2), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert script.distance(one, one) == 0
    assert script.distance(one, other) == pytest.approx(math.sqrt(2))
    assert script.distance(one, -one) == pytest.approx(2)


def test_scaled_up_weights_make_units_flat(script):
    x = torch.randn(32, 12)
    model = script.perceptron(12, 8, 3, seed=0)
    assert script.flat_units(model, x) < 0.1
    lowest, output = model[0].weight.clone(), model[-1].weight.clone()
    script.scale_upper(model, 1000.0)
    assert script.flat_units(model, x) > 0.9
    assert torch.equal(model[0].weight, lowest)
    assert torch.equal(model[-1].weight, output)


@pytest.mark.parametrize(("what", "rows"), [("ends", 4), ("saturated", 3)])
def test_a_table_is_printed(script, what, rows, monkeypatch, capsys):
    short = ["--images", "64", "--width", "4", "--epochs", "1", "--runs", "2"]
    monkeypatch.setattr(sys, "argv", ["feedback_runs.py", what, *short])
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == rows + 1
    assert "n = 2" in lines[-1]
