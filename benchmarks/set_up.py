"""What precedes the first step of a training in a warm worker: python benchmarks/set_up.py [--rounds 9]

Model, sites and images, against one training step of the same training, so that a slow minute of the machine
hits both. The first step, whose gradients calibration and screening look at, is no part of either.
"""

from __future__ import annotations

import argparse
import statistics

from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.run.kept_images import KeptImages
from backprop_evo.training.run.rungs import Rungs
from backprop_evo.training.run.warm_up import warm_up

STEPS = 10
SPEC = TrainSpec(
    model="wrn-10-1",
    epochs=1.0,
    batch_size=64,
    train_images=64 * STEPS,
    validation_images=50,
    reestimate_batches=0,
    learning_rate=RelativeStepGrid(relative_steps=(0.03,)),
    precision="float32",
)


def seconds(kept: KeptImages) -> tuple[float, float]:
    """Of a set-up and of a step, on the CPU."""
    spent = train_child(
        "g / fro(g)", SPEC, seed=0, device="cpu", rungs=Rungs(screens=True), kept=kept
    ).seconds
    return spent["data"] + spent["set-up"], spent["steps"] / (STEPS - 1)


def measured(rounds: int) -> list[tuple[float, float]]:
    """Set-up and step of ``rounds`` trainings, after one that warms everything."""
    warm_up()
    kept = KeptImages()
    seconds(kept)
    return [seconds(kept) for _ in range(rounds)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    taken = measured(parser.parse_args().rounds)
    set_up, step = (1000 * statistics.median(column) for column in zip(*taken, strict=True))
    ratios = [before / one for before, one in taken]
    print(f"set-up {set_up:.0f} ms, step {step:.0f} ms; set-up / step, median of {len(taken)}: ", end="")
    print(f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()
