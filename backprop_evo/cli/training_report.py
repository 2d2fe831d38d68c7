"""What ``backprop-evo train`` tells at its end: the table of results, or all of it as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import mean, stdev
from typing import Any

from rich.table import Table

from backprop_evo.cli.alignment_table import alignment_table
from backprop_evo.cli.tables import standard_output
from backprop_evo.records.training import TrainResult, TrainSpec

Results = Mapping[str, Sequence[TrainResult]]
"""Trainings of one spec, one for each seed, by the text of their equation."""


def print_report(results: Results, spec: TrainSpec) -> None:
    """The result table, reasons and the difference; then the alignment of each equation, where measured."""
    console = standard_output()
    console.print(_table(results))
    for text, runs in results.items():
        for reason in dict.fromkeys(run.reason for run in runs if run.reason):
            console.print(f"{text}: {reason}", markup=False, highlight=False)
    if (difference := _difference(results)) is not None:
        first, second = results
        console.print(
            f"{first}  minus  {second}: {100 * difference:+.2f} points of validation accuracy", markup=False
        )
    for text, runs in results.items():
        if (alignment := alignment_table(text, runs, spec)) is not None:
            console.print(alignment)


def as_json(results: Results, spec: TrainSpec, seed: int) -> dict[str, Any]:
    """Spec, seeds (counted from ``seed``) and every result whole, for programs."""
    return {
        "spec": asdict(spec),
        "seeds": list(range(seed, seed + len(next(iter(results.values()))))),
        "equations": [
            {"equation": text, "results": [_finite(asdict(run)) for run in runs]}
            for text, runs in results.items()
        ],
        "difference": _difference(results),
    }


def _table(results: Results) -> Table:
    table = Table("equation", "outcome", "rate", "loss", "validation", "test", "n", "images/s", "seconds")
    for text, runs in results.items():
        speeds = [run.images_per_s for run in runs if run.images_per_s]
        table.add_row(
            text,
            ", ".join(sorted({str(run.outcome) for run in runs})),
            ", ".join(sorted({f"{run.learning_rate:g}" for run in runs if run.learning_rate is not None})),
            _spread([run.train_loss for run in runs], percent=False),
            _spread([run.validation_accuracy for run in runs]),
            _spread([run.test_accuracy for run in runs]),
            str(len(runs)),
            f"{mean(speeds):.0f}" if speeds else "–",
            f"{sum(run.wall_time_s for run in runs):.0f}",
        )
    return table


def _spread(values: list[float | None], *, percent: bool = True) -> str:
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return "–"
    scale, digits = (100, 2) if percent else (1, 3)
    deviation = f" ± {scale * stdev(known):.{digits}f}" if len(known) > 1 else ""
    return f"{scale * mean(known):.{digits}f}{deviation}"


def _difference(results: Results) -> float | None:
    """Mean validation accuracy of the first equation minus that of the second; None without both."""
    means = []
    for runs in results.values():
        known = [run.validation_accuracy for run in runs if run.validation_accuracy is not None]
        if not known:
            return None
        means.append(mean(known))
    return means[0] - means[1] if len(means) == 2 else None


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
