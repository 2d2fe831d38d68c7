"""Synthetic gradients against truncated BPTT on sequences: how long a copy each learns, and bits of a text.

    python benchmarks/sequences.py --quick
    python benchmarks/sequences.py --results sequences.jsonl --steps 200000 --seeds 3

The rows of the published table: copy and repeat copy with T = 2 … 5, a text with T = 5, 8, 20, each by
``dni`` and ``bptt`` from the same start. Each training is written to the results as it ends; started
again, the script goes on with those that are missing, and prints the table of all that are there. ``--quick``
has small networks, a high rate and T = 3 or 5 only.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

from backprop_evo.training.sequences.run import train_sequence
from backprop_evo.training.sequences.spec import METHODS, SequenceSpec

#: As published, as far as known; the steps are the caller's.
FULL = SequenceSpec(rate=7e-5, predictor_rate=7e-5, gradient_scale=0.1)
QUICK = SequenceSpec(units=32, width=128, rate=0.003)
LENGTHS: Mapping[str, Sequence[int]] = {"copy": (2, 3, 4, 5), "repeat-copy": (2, 3, 4, 5), "text": (5, 8, 20)}
QUICK_LENGTHS: Mapping[str, Sequence[int]] = {"copy": (3,), "repeat-copy": (3,), "text": (5,)}


@dataclass(frozen=True)
class Row:
    method: str
    seed: int
    spec: SequenceSpec

    @property
    def key(self) -> dict[str, Any]:
        """What makes a training another one."""
        return {"method": self.method, "seed": self.seed, "spec": asdict(self.spec)}


def rows(base: SequenceSpec, lengths: Mapping[str, Sequence[int]], seeds: int) -> Iterator[Row]:
    # Seed by seed, so that an early stop leaves a whole table of fewer seeds.
    for seed in range(seeds):
        for task, truncations in lengths.items():
            for truncation in truncations:
                for method in METHODS:
                    yield Row(method, seed, replace(base, task=task, truncation=truncation))


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def train(row: Row, file: Path) -> None:
    result = train_sequence(row.method, row.spec, seed=row.seed, device="cpu")
    told = asdict(result) | {"length": result.length, "validation_bits": result.validation_bits}
    with file.open("a") as out:
        out.write(json.dumps(row.key | {"result": told}) + "\n")


def figure(done: Mapping[str, Any]) -> float:
    """The length reached, 0 where not even the shortest was; of a text the bits."""
    result = done["result"]
    return result["validation_bits"] if done["spec"]["task"] == "text" else result["length"] or 0


def table(done: Sequence[Mapping[str, Any]]) -> str:
    cells: dict[tuple[str, int, int], dict[str, list[Mapping[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each in done:
        spec = each["spec"]
        cells[spec["task"], spec["truncation"], spec["units"]][each["method"]].append(each)
    lines = ["| task | T | units | windows | bptt | dni | n | seconds, bptt / dni |", "|---" * 8 + "|"]
    for (task, truncation, units), by_method in sorted(cells.items()):
        told = [spread([figure(each) for each in by_method[name]], task) for name in METHODS]
        taken = [sum(each["result"]["seconds"] for each in by_method[name]) for name in METHODS]
        steps = sorted({each["spec"]["steps"] for runs in by_method.values() for each in runs})
        n = "/".join(str(len(by_method[name])) for name in METHODS)
        lines.append(
            f"| {task} | {truncation} | {units} | {', '.join(f'{step:,}' for step in steps)} "
            f"| {told[0]} | {told[1]} | {n} | {taken[0]:.0f} / {taken[1]:.0f} |"
        )
    return "\n".join(lines)


def spread(values: Sequence[float], task: str) -> str:
    if not values:
        return "–"
    digits = 3 if task == "text" else 1
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--results", type=Path, default=Path("sequences.jsonl"))
    parser.add_argument("--steps", type=int, help="Windows of each training.")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    base, lengths = (QUICK, QUICK_LENGTHS) if options.quick else (FULL, LENGTHS)
    base = replace(base, steps=options.steps or (3000 if options.quick else 200_000))
    wanted = list(rows(base, lengths, options.seeds))
    there = [{name: each[name] for name in ("method", "seed", "spec")} for each in read(options.results)]
    missing = [row for row in wanted if row.key not in there]
    for place, row in enumerate(missing, 1):
        print(f"{place}/{len(missing)}  {row.spec.task}  T {row.spec.truncation}  {row.method}", flush=True)
        train(row, options.results)
    print(f"\n{platform.machine()}, torch {torch.__version__}, {options.threads} thread(s)\n")
    print(table([each for each in read(options.results)]))


if __name__ == "__main__":
    main()
