"""The table of sequences: resumed where it was left, and told by task and truncation."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "sequences.py"


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("sequences_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def run(script, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["sequences.py", "--quick", "--steps", "2", *arguments])
    script.main()


def test_what_is_there_is_not_trained_again(script, monkeypatch, tmp_path, capsys):
    file = tmp_path / "rows.jsonl"
    run(script, monkeypatch, "--results", str(file))
    assert len(script.read(file)) == 6
    first = capsys.readouterr().out
    assert "1/6  copy  T 3  bptt" in first
    rows = [line for line in first.splitlines() if line.startswith("| copy")]
    assert rows[0].split("|")[2:7] == [" 3 ", " 32 ", " 2 ", " 0.0 ", " 0.0 "]
    monkeypatch.setattr(script, "train_sequence", None)
    run(script, monkeypatch, "--results", str(file))
    assert "1/" not in capsys.readouterr().out.split("\n\n")[0]
