"""How much the last hidden layer depends on the image and on the label while plain backprop trains, MNIST.

Published (Ma, Lewis & Kleijn 2020) as a drawing: HSIC(X, Z), HSIC(Y, Z) and accuracy over the epochs, by
activation and by depth; dependence on the label rises with accuracy, that on the image falls after it. The
sizes are not known to us. Ours: hidden layers of 256 without BatchNorm, SGD at 0.05 with momentum 0.9,
batches of 256; normalised HSIC with σ 5 over the first 1,000 measured images.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backprop_evo.training.methods.hsic.dependence import kernel, normalised
from reproductions.experiment import (
    Circumstances,
    Experiment,
    Row,
    Sizes,
    Training,
    chosen,
    markdown,
    spread,
)
from reproductions.images import load
from reproductions.networks import perceptron
from reproductions.training import Course, sgd, train

SIGMA, RATE = 5.0, 0.05
ACTIVATIONS, DEPTHS = ("relu", "tanh", "elu", "sigmoid"), (2, 5, 10)
#: At this depth activations are compared, with this activation depths.
DEPTH, ACTIVATION = 5, "relu"
SAMPLES = 1000
#: Looks in a training, the first of them early: most happens in the first steps.
SHARES = (0.004, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.35, 0.6, 1.0)
#: Column of a curve, and what stands there.
PANELS = ((3, "nHSIC(X, Z)"), (4, "nHSIC(Y, Z)"), (2, "test accuracy"))


def kinds() -> list[tuple[str, int]]:
    """(activation, depth) of each, none twice."""
    return list(
        dict.fromkeys([*((each, DEPTH) for each in ACTIVATIONS), *((ACTIVATION, each) for each in DEPTHS)])
    )


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    for activation, depth in kinds():
        yield Training("backprop", seed, {**sizes, "activation": activation, "depth": depth})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here = training.settings
    material = load(here["data"], here["part"], "standard", given.data_dir)
    torch.manual_seed(training.seed)
    widths = [here["width"]] * here["depth"]
    network = perceptron(
        material.features, widths, material.classes, activation=here["activation"], batch_norm=False
    )
    x, labels = material.measured.at(torch.arange(min(here["samples"], len(material.measured))))
    of_x, of_y = (
        normalised(kernel(each.flatten(1)[None], SIGMA))
        for each in (x, F.one_hot(labels, material.classes).float())
    )
    looks = [max(1, round(share * here["iterations"])) for share in SHARES]
    course = Course(here["iterations"], here["batch_size"], looks, stop_after=given.stop_after)
    return asdict(
        train(
            network, "g", {}, material, course, sgd(RATE), training.seed,
            watch=lambda: dependence(network, x, of_x, of_y),
        )
    )  # fmt: skip


@torch.no_grad()
def dependence(network: nn.Sequential, x: Tensor, of_x: Tensor, of_y: Tensor) -> list[float]:
    """[nHSIC(X, Z), nHSIC(Y, Z)] of the last hidden layer."""
    of_z = normalised(kernel(network[:-1](x)[None], SIGMA))
    return [float((of_z * other).sum()) for other in (of_x, of_y)]


def table(rows: Sequence[Row]) -> str:
    lines = []
    for activation, depth in kinds():
        found = [row["result"]["curve"] for row in chosen(rows, activation=activation, depth=depth)]
        cells = [
            spread([curve[place][column] for curve in found], 1)
            for column, _ in PANELS[:2]
            for place in (0, -1)
        ]
        lines.append([activation, str(depth), *cells, spread([100 * curve[-1][2] for curve in found], 1)])
    named = [f"{name}, {when}" for _, name in PANELS[:2] for when in ("first look", "end")]
    return markdown(["activation", "hidden layers", *named, "test accuracy, %"], lines)


def draw(rows: Sequence[Row]) -> Any:
    """Two rows of panels, by activation and by depth; in each the two dependences and accuracy over
    iterations."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(2, len(PANELS), figsize=(8, 4.6), sharex=True, layout="constrained")
    groups = [[(each, DEPTH) for each in ACTIVATIONS], [(ACTIVATION, each) for each in DEPTHS]]
    for line, group in zip(panels, groups, strict=True):
        for activation, depth in group:
            curves = [row["result"]["curve"] for row in chosen(rows, activation=activation, depth=depth)]
            label = activation if group is groups[0] else f"{depth} hidden layers"
            for (column, title), axes in zip(PANELS, line, strict=True):
                _line(axes, curves, column, label)
                axes.set(title=title, xscale="log")
        line[-1].legend(frameon=False, fontsize=7)
    for axes in panels[-1]:
        axes.set_xlabel("iterations")
    return figure


def _line(axes: Any, curves: Sequence[Sequence[Sequence[float]]], column: int, label: str) -> None:
    """The mean over seeds, as far as all of them came."""
    points = list(zip(*curves, strict=False))
    at = [point[0][0] for point in points]
    axes.plot(at, [sum(each[column] for each in point) / len(point) for point in points], label=label)


EXPERIMENT = Experiment(
    name="dependence",
    title="Dependence of the last hidden layer over a training by plain backprop, MNIST",
    sizes={"data": "mnist", "width": 256, "batch_size": 256, "iterations": 1500, "samples": SAMPLES},
    tiny={"data": "cifar10-mini", "width": 4, "batch_size": 16, "iterations": 2, "samples": 32},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
    draw=draw,
)
