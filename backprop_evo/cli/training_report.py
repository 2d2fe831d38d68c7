"""What ``backprop-evo train`` tells at its end: the table of results, or all of it as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import Any

from rich.table import Table

from backprop_evo.cli.alignment_table import alignment_table
from backprop_evo.cli.output import standard_output
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.training import TrainResult, TrainSpec

Results = Mapping[str, Sequence[TrainResult]]
"""Trainings of one spec, one for each seed, by their method as it was written."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of validation accuracies in [0, 1] over ``n`` seeds; ``std`` is the sample's, None for one seed."""

    mean: float
    std: float | None
    n: int
    left_out: int


def print_report(results: Results, spec: TrainSpec) -> None:
    """The result table, reasons and the difference; then the alignment of each method, where measured."""
    console = standard_output()
    console.print(_table(results))
    for text, runs in results.items():
        for reason in dict.fromkeys(run.reason for run in runs if run.reason):
            console.print(f"{text}: {reason}", markup=False, highlight=False)
    if (difference := paired_difference(results)) is not None:
        console.print(_difference_text(difference, *results), markup=False, highlight=False)
    for text, runs in results.items():
        if (alignment := alignment_table(text, runs, spec)) is not None:
            console.print(alignment)


def as_json(
    results: Results, methods: Mapping[str, MethodSpec], spec: TrainSpec, seed: int
) -> dict[str, Any]:
    """Methods, spec, seeds (counted from ``seed``) and every result whole, for programs."""
    return {
        "spec": asdict(spec),
        "seeds": list(range(seed, seed + len(next(iter(results.values()))))),
        "equations": [
            {
                "equation": text,
                "method": asdict(methods[text]),
                "results": [_finite(asdict(run)) for run in runs],
            }
            for text, runs in results.items()
        ],
        "difference": asdict(difference) if (difference := paired_difference(results)) else None,
    }


def _table(results: Results) -> Table:
    table = Table("method", "outcome", "rate", "loss", "validation", "test", "n", "images/s", "seconds")
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


def paired_difference(results: Results) -> Difference | None:
    """First method minus second, seed by seed: with one seed both have the same start and the same batches.

    None unless two methods were trained and some seed gave an accuracy for both.
    """
    if len(results) != 2:
        return None
    first, second = results.values()
    pairs = [
        one.validation_accuracy - other.validation_accuracy
        for one, other in zip(first, second, strict=True)
        if one.validation_accuracy is not None and other.validation_accuracy is not None
    ]
    if not pairs:
        return None
    return Difference(
        mean(pairs), stdev(pairs) if len(pairs) > 1 else None, len(pairs), len(first) - len(pairs)
    )


def _difference_text(difference: Difference, first: str, second: str) -> str:
    deviation = "" if difference.std is None else f" ± {100 * difference.std:.2f}"
    seeds = f"n = {difference.n} {'seed' if difference.n == 1 else 'seeds'}"
    left_out = (
        f"; {difference.left_out} left out, without an accuracy for both" if difference.left_out else ""
    )
    return (
        f"{first}  minus  {second}: {100 * difference.mean:+.2f}{deviation} points of validation accuracy "
        f"({seeds}{left_out})"
    )


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
