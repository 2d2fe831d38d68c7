"""What each function of the language costs at a site. ``python benchmarks/primitives.py``

In passes: the median time of the function, divided by that of multiplying the same tensor by a number, on a
signal of 128×32×32×32 in channels-last float32 (the largest of WRN-16-2), functions taking turns in rounds.
A training step of WRN-16-2 is worth about 700 passes, and a site's signals are on average half this size.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from backprop_evo.training.meaning import elementary
from backprop_evo.training.meaning.statistics import RunningStatistics
from backprop_evo.training.run.capability import environment, keep_freed_memory
from dsl.primitives import UNARIES

Function = Callable[[Tensor], Tensor]
SHAPE = (128, 32, 32, 32)


def functions(other: Tensor) -> dict[str, Function]:
    """By name, with each constant of the grid; binaries with ``other`` as their second argument."""
    statistics_ = RunningStatistics()
    found: dict[str, Function] = {}
    for name, row in UNARIES.items():
        if name in ("identity", "transpose"):
            continue
        for c in row.constants or (0.0,):
            label = f"{name} {c:g}" if row.constants else name
            found[label] = lambda x, name=name, c=c: unary(name, x, c, statistics_)
    for name, binary in elementary.BINARIES.items():
        found[name] = lambda x, binary=binary: binary(x, other, None)
    found["mean(operand)"] = lambda x: statistics_.mean("mean", x)
    found["std(operand)"] = lambda x: statistics_.mean_and_std("std", x)[1]
    return found


def unary(name: str, x: Tensor, c: float, running: RunningStatistics) -> Tensor:
    if name in elementary.REMEMBERING:
        return elementary.REMEMBERING[name](x, running.mean(name, x), running.square(name, x), None)
    return elementary.UNARIES[name](x, c, None)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    keep_freed_memory()
    torch.manual_seed(0)
    # A masked signal, as sites above a ReLU have it: half of it zeros.
    x, other = (
        torch.randn(SHAPE).clamp_(min=0).contiguous(memory_format=torch.channels_last) for _ in range(2)
    )
    named: dict[str, Function] = {"one pass": lambda x: x * 0.5, **functions(other)}
    taken: dict[str, list[float]] = {name: [] for name in named}
    for _ in range(given.rounds + 1):
        for name, function in named.items():
            started = time.perf_counter()
            function(x)
            taken[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}
    one = medians["one pass"]
    print("  ".join(f"{name}: {value}" for name, value in environment("cpu").items()))
    print(f"{given.threads} threads, {given.rounds} rounds; one pass: {1e3 * one:.2f} ms")
    for name, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        print(f"{seconds / one:7.1f}  {name}")


if __name__ == "__main__":
    main()
