"""What the measure of fitness costs: python benchmarks/measure_cost.py [--rounds 5]

The same equations trained under the earlier measure (absolute rates 0.001, 0.01, 0.1 and 1, each probed for a
quarter of an epoch, chosen by accuracy on all validation images, BatchNorm as training left it), under the
default one, and at one rate without a choice, in turns, so that a slow minute hits all. The last column is
what calibration and the choice of the rate add to a training.
"""

from __future__ import annotations

import argparse
import statistics
import time

from backprop_evo.records.presets import preset
from backprop_evo.records.training import LearningRateGrid, TrainResult, TrainSpec
from backprop_evo.training import train_child

EQUATIONS = ("g", "g / fro(g)", "0.5 * g / (std(dh) + 0.1)")
NOW = preset("quick")
EARLIER = preset(
    "quick",
    learning_rate=LearningRateGrid(probe_epochs=0.25),
    reestimate_batches=0,
    validation_part="whole",
)
WITHOUT_CHOICE = preset("quick", learning_rate=0.1)


def timed(equation: str, spec: TrainSpec) -> tuple[float, TrainResult]:
    """CPU seconds of this process, and the result."""
    began = time.process_time()
    result = train_child(equation, spec, seed=0, device="cpu")
    return time.process_time() - began, result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    timed(EQUATIONS[0], WITHOUT_CHOICE)  # what is made once, such as kernels
    print("| equation | earlier, CPU s | default, CPU s | ratio | rate choice / training |")
    print("|---|---|---|---|---|")
    for equation in EQUATIONS:
        turns = [[timed(equation, spec)[0] for spec in (EARLIER, NOW, WITHOUT_CHOICE)] for _ in range(rounds)]
        earlier, now = (statistics.median(column) for column in list(zip(*turns, strict=True))[:2])
        ratio = statistics.median(turn[1] / turn[0] for turn in turns)
        choice = statistics.median(turn[1] / turn[2] - 1 for turn in turns)
        print(f"| `{equation}` | {earlier:.2f} | {now:.2f} | {ratio:.2f} | {choice:.2f} |", flush=True)
    print(
        f"median of {rounds} rounds, {NOW.model}, {NOW.data}, {NOW.epochs:g} epochs, batch {NOW.batch_size}"
    )


if __name__ == "__main__":
    main()
