"""The arithmetic of the study of fitness, on numbers whose answers are plain."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fitness_tables.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fitness_tables", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(equation, seed, step, accuracy, loss, **others):
    return {
        "equation": equation,
        "seed": seed,
        "relative_step": step,
        "outcome": "completed",
        "learning_rate": step,
        "accuracy_1000": accuracy,
        "accuracy_5000": accuracy,
        "reestimated_1000": accuracy,
        "reestimated_5000": accuracy,
        "validation_loss": loss,
        "reestimated_loss": loss,
        "late_train_loss": loss,
        "early_accuracy": accuracy,
        "early_loss": loss,
    } | others


def ended(equation, seed, step):
    whole = row(equation, seed, step, None, None, outcome="diverged")
    return {name: value for name, value in whole.items() if value is not None}


def test_of_losses_less_is_better_and_of_what_is_missing_all_is_worse(script):
    one = row("g", 0, 0.1, 0.5, 2.0)
    assert script.merit(one, "accuracy_1000") == 0.5
    assert script.merit(one, "late_train_loss") == -2.0
    assert script.merit(ended("g", 0, 0.1), "accuracy_1000") == -math.inf
    assert script.merit({"late_train_loss": math.nan}, "late_train_loss") == -math.inf


def test_the_best_step_has_the_lowest_mean_loss_and_all_its_seeds(script):
    rows = [
        row("g", 0, 0.1, 0.3, 2.0), row("g", 1, 0.1, 0.3, 2.0),
        row("g", 0, 0.3, 0.4, 1.0), row("g", 1, 0.3, 0.4, 2.9),
        row("g", 0, 1.0, 0.9, 0.1), ended("g", 1, 1.0),
    ]  # fmt: skip
    assert script.best_step(script.by_equation(rows)["g"]) == 0.3


def test_shares_of_variance(script):
    """A seed's effect, the same for every equation, is no noise."""
    equations, seeds = np.array([[0.1], [0.2], [0.4]]), np.array([[0.0, 0.05, -0.02, 0.3]])
    residual, share = script.shares(equations + seeds)
    assert residual == pytest.approx(0, abs=1e-12)
    assert share == pytest.approx(1)
    rng = np.random.default_rng(0)
    values = rng.normal(0, 2.0, (4000, 1)) + rng.normal(0, 1.0, (4000, 3))
    residual, share = script.shares(values)
    assert residual == pytest.approx(1.0, rel=0.05)
    assert share == pytest.approx(4 / 5, rel=0.05)


def test_rank_correlation_from_seed_to_seed(script):
    assert script.seed_correlation(np.array([[1, 10], [2, 20], [3, 90]])) == pytest.approx(1)
    assert script.seed_correlation(np.array([[1, 90], [2, 20], [3, 10]])) == pytest.approx(-1)


def test_what_choosing_a_step_early_costs(script):
    rows = [
        row("g", 0, 0.1, 0.30, 1.8, early_accuracy=0.2, early_loss=2.0),
        row("g", 0, 0.3, 0.34, 1.7, early_accuracy=0.1, early_loss=1.9),
        row("dead", 0, 0.1, 0.10, 2.3),
        row("dead", 0, 0.3, 0.20, 2.2),
    ]
    assert script.cost_of_choosing(rows, "early_accuracy") == (pytest.approx(4.0), 1)
    assert script.cost_of_choosing(rows, "early_loss") == (pytest.approx(0.0), 1)


def test_the_tables_tell_of_every_equation_and_of_edges(script):
    rows = [
        row(equation, seed, step, 0.3 + 0.01 * number + 0.001 * seed, 2 - 0.1 * number - (step == 0.3))
        for number, equation in enumerate(("g", "g / fro(g)", "h"))
        for seed in range(3)
        for step in (0.1, 0.3, 1.0)
    ]
    rows += [ended("dead", seed, step) for seed in range(3) for step in (0.1, 0.3)]
    text = script.tables(rows)
    assert "| `h` | 0.3 | 0.3 | 32.1 ± 0.1 | 32.1 ± 0.1 |" in text
    assert "| `dead` | 0.1 (edge) |" in text
    assert "All equations that trained with every seed: n = 3, 3 seeds" in text
    assert "| accuracy, 1,000 images | 0.311 | 0.000 | 1.00 | 1.00 |" in text
