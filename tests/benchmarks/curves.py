"""Tables of curves whose answers are plain, and the scripts that read them."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RUNGS = (5, 10, 20, 40, 80, 160, 320)
RELATIVE_STEPS = (0.003, 0.01, 0.03)

HEADER: dict[str, Any] = {
    "command": "none",
    "made": "2026-01-01",
    "environment": {"cpu": "none", "torch": "0"},
    "model": "wrn-10-1",
    "data": "cifar10",
    "batch_size": 16,
    "seeds": (0, 1),
    "relative_steps": RELATIVE_STEPS,
    "further_rungs": (640, 3200),
    "equations_drawn": 99,
}


def script(name: str) -> ModuleType:
    """A module of the folder of benchmarks, whose scripts import each other by their bare names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module(name)


def row(
    equation: str,
    quality: float,
    seed: int = 0,
    relative_step: float = 0.01,
    *,
    parent: str | None = None,
    carries_error: bool = True,
    died_after: int | None = None,
    rungs: tuple[int, ...] = RUNGS,
) -> dict[str, Any]:
    """A training as ``equation_curves.py`` writes it. It costs a hundredth of a second a step, a tenth for
    measuring at a rung and a fifth to set up; losses and accuracies rank by ``quality`` in [0, 1] at once."""
    reached = [rung for rung in rungs if died_after is None or rung <= died_after]
    values = [
        [step, 2.3 - quality * step / 320, 0.1 + 0.3 * quality * step / 320, step / 100, 0.1 * number]
        for number, step in enumerate(reached, start=1)
    ]
    steps = rungs[-1] if died_after is None else died_after
    return {
        "equation": equation,
        "origin": "random" if parent is None else "mutant",
        "parent": parent,
        "carries_error": carries_error,
        "seed": seed,
        "relative_step": relative_step,
        "until": rungs[-1],
        "learning_rate": 10 * relative_step,
        "outcome": "completed" if died_after is None else "diverged",
        "reason": None if died_after is None else "the loss became NaN",
        "values": values,
        "set_up_s": 0.2,
        "steps": steps,
        "seconds": [steps / 100, 0.1 * len(reached)],
    }


def grid(equation: str, quality: float, **others: Any) -> list[dict[str, Any]]:
    """Both seeds at all relative steps, best at the middle one."""
    return [
        row(equation, quality * share, seed, step, **others)
        for seed in HEADER["seeds"]
        for step, share in zip(RELATIVE_STEPS, (0.471, 1, 0.433), strict=True)
    ]
