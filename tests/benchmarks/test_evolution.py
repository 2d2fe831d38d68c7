"""The study of evolution against random search: its arithmetic, and a tiny study from end to end."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evolution_table", BENCHMARKS / "evolution_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def side(mean: float | None) -> dict[str, Any]:
    counts = {"trainings": 60, "twins": 5, "screened_out": 1}
    times = {"search_s": 61.0, "all_s": 90.0, "cpu_s": 120.0}
    return {"best": "2.0 * g", "mean": mean, "std": 0.01, "learning_share": 0.25, **counts, **times}


def row(seed: int, evolution: float | None, random: float | None, backprop: float = 0.3) -> dict[str, Any]:
    known = evolution is not None and random is not None
    difference = evolution - random if known else None  # type: ignore[operator]
    return {
        "seed": seed,
        "evolution": side(evolution),
        "random": side(random),
        "backprop": {"mean": backprop, "std": None},
        "difference": difference,
        "low": None if difference is None else difference - 0.01,
        "high": None if difference is None else difference + 0.01,
        "n": 5,
        "compared_by": "test",
        "replayed": True,
        "resumed": False,
    }


def test_the_mean_is_over_pairs_and_has_both_intervals(script: ModuleType) -> None:
    text = script.table([row(1, 0.40, 0.38), row(0, 0.42, 0.38), row(2, 0.41, 0.38)])
    lines = text.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| 0", "| 1", "| 2"]
    assert "| 0 | 42.0 ± 1.0 `2.0 * g` | 38.0 ± 1.0 `2.0 * g` | 30.0 | +4.0 | +3.0 … +5.0 (n = 5) |" in text
    # By hand: 3 ± 4.3027 · 1 / √3.
    assert "evolution − random: +3.00 points, 95 % +0.52 … +5.48 (paired t, p = 0.035)" in text
    assert "n = 3 search seeds" in text
    assert "random − backprop: +8.00 points" in text
    assert "12.0 core-minutes in all" in text
    assert "6 of 6 searches" in text


def test_pairs_without_a_result_are_told(script: ModuleType) -> None:
    text = script.table([row(0, 0.42, 0.38), row(1, None, 0.38)])
    assert "1 pairs in which a search confirmed nothing are left out" in text
    assert "| 1 | – |" in text
    assert "n = 1 search seeds" in text


def test_the_bootstrap_holds_the_mean_and_stays_within_the_pairs(script: ModuleType) -> None:
    low, high = script.bootstrap([1.0, 2.0, 3.0, 6.0])
    assert 1.0 <= low < 3.0 < high <= 6.0
    assert script.bootstrap([2.0, 2.0]) == (2.0, 2.0)
    assert script.bootstrap([1.0, 2.0, 3.0]) == script.bootstrap([1.0, 2.0, 3.0])


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(BENCHMARKS / "evolution.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_tiny_study_ends_is_replayed_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    results = tmp_path / "study.jsonl"
    done = run("--quick", "--results", str(results))
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert [each["seed"] for each in rows] == [0, 1]
    assert all(each["replayed"] for each in rows)
    assert {each[name]["trainings"] for each in rows for name in ("evolution", "random")} == {8}
    assert "| 0 | " in done.stdout
    # One line lost, as where the power failed: its searches are read from their database, not trained again.
    results.write_text(json.dumps(rows[0]) + "\n")
    again = run("--quick", "--results", str(results))
    assert again.returncode == 0, again.stderr
    second = json.loads(results.read_text().splitlines()[1])
    assert second["resumed"]
    timed = ("resumed", "evolution", "random")
    assert {k: v for k, v in second.items() if k not in timed} == {
        k: v for k, v in rows[1].items() if k not in timed
    }
    other = run("--quick", "--results", str(results), "--strategy", "aging")
    assert other.returncode != 0
    assert "other options" in other.stderr
