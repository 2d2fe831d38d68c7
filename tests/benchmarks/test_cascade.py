"""The real run of the cascade against full training: a tiny one from end to end."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "cascade.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_tiny_run_judges_the_same_equations_both_ways_for_less(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARK), "--quick", "--home", str(tmp_path)]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    rows = dict(re.findall(r"^\| (full|cascade) \| (.*) \|$", first.stdout, flags=re.MULTILINE))
    full, cascade = (rows[name].split(" | ") for name in ("full", "cascade"))
    assert full[0] == "6", "each of the equations, and nothing else"
    assert float(full[3]) > float(cascade[3]) > 0
    assert float(full[5]) == 1.0, "of six, all are among the first ten"
    # What has ended is read, not trained again.
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line.split("|")[2:4] for line in again.stdout.splitlines() if line.startswith("| full")] == [
        line.split("|")[2:4] for line in first.stdout.splitlines() if line.startswith("| full")
    ]
