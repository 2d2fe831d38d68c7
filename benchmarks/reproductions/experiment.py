"""What an experiment is: the trainings that it wants, how one is carried out, and what it shows of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

Sizes = Mapping[str, Any]

#: A line of the results: what a ``Training`` is, its ``result``, and under which circumstances.
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Training:
    """``settings`` hold, with method and seed, all that makes it another training; JSON values."""

    method: str
    seed: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What makes no other training: where the data lie, and after how many iterations a mere look at the
    speed stops."""

    data_dir: Path | None = None
    stop_after: int | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """``sizes`` are the defaults, which ``--set`` changes; ``tiny`` those of a trial run of seconds.
    ``table`` and ``draw`` are given rows of one set of sizes; ``draw`` gives matplotlib's figure."""

    name: str
    title: str
    sizes: Sizes
    tiny: Sizes
    trainings: Callable[[Sizes, int], Iterable[Training]]
    carry_out: Callable[[Training, Circumstances], dict[str, Any]]
    table: Callable[[Sequence[Row]], str]
    draw: Callable[[Sequence[Row]], Any] | None = field(default=None)


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *lines))


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean ± standard deviation; a dash for none."""
    if not values:
        return "–"
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


def chosen(rows: Sequence[Row], method: str | None = None, **settings: Any) -> list[Row]:
    """The rows of a method with these settings, one a seed."""
    return [
        row
        for row in rows
        if method in (None, row["method"])
        and all(row["settings"][name] == value for name, value in settings.items())
    ]


def at(rows: Sequence[Row], iteration: int) -> list[float]:
    """The accuracies, in percent, that were looked at after so many iterations; the last for one that ended
    before, as a training that has diverged stays where it is."""
    found = []
    for row in rows:
        reached = [point for point in row["result"]["curve"] if point[0] <= iteration]
        if reached:
            found.append(100 * reached[-1][2])
    return found
