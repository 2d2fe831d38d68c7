"""Perceptrons of 3 to 6 hidden layers on MNIST by plain backprop and by synthetic gradients.

Published (Jaderberg et al. 2017, the figures recalled): hidden layers of 256 with BatchNorm and ReLU, pixels
in [0, 1], batches of 256, Adam at 3e-5, which falls to a tenth at 60 and at 80 % of 500,000 iterations. M has
two hidden layers of 1,024; given the label one linear layer is enough.

Ours: as many iterations as an hour has, at a rate for so few; M of 256 units, which costs a quarter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from reproductions.experiment import (
    Circumstances,
    Experiment,
    Row,
    Sizes,
    Training,
    at,
    chosen,
    markdown,
    spread,
)
from reproductions.images import load
from reproductions.networks import perceptron
from reproductions.training import Course, adam, train

METHODS = {"backprop": "g", "dni": "dni", "cdni": "cdni"}
#: Test error after 500,000 iterations, %.
PUBLISHED: Mapping[int, Mapping[str, float]] = {
    3: {"backprop": 2.0, "dni": 1.9, "cdni": 2.2},
    4: {"backprop": 1.8, "dni": 2.2, "cdni": 1.9},
    5: {"backprop": 1.8, "dni": 3.4, "cdni": 1.7},
    6: {"backprop": 1.8, "dni": 4.3, "cdni": 1.6},
}
#: Iterations of the learning curve, the first 1,000.
LOOKS = (50, 100, 150, 200, 300, 400, 500, 700, 1000)
SHOWN = (100, 300, 1000)
#: As published, in shares of the iterations.
DECAYS = (0.6, 0.8)


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    common = {name: value for name, value in sizes.items() if name not in ("predictor_width", "rates")}
    for depth in PUBLISHED:
        for method in METHODS:
            own = {"depth": depth, "rate": sizes["rates"][method]}
            if method == "dni":
                own["predictor_width"] = sizes["predictor_width"]
            yield Training(method, seed, {**common, **own})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here = training.settings
    material = load(here["data"], here["part"], "unit", given.data_dir)
    torch.manual_seed(training.seed)
    network = perceptron(material.features, [here["width"]] * here["depth"], material.classes)
    settings = {"width": here["predictor_width"]} if "predictor_width" in here else {}
    course = Course(here["iterations"], here["batch_size"], LOOKS, DECAYS, given.stop_after)
    optimizer = adam(here["rate"])
    return asdict(
        train(network, METHODS[training.method], settings, material, course, optimizer, training.seed)
    )


def table(rows: Sequence[Row]) -> str:
    header = ["hidden layers", "method", *(f"error after {n:,} iterations, %" for n in SHOWN)]
    ends = " / ".join(f"{n:,}" for n in sorted({row["settings"]["iterations"] for row in rows}))
    lines = []
    for depth, published in PUBLISHED.items():
        for method in METHODS:
            found = chosen(rows, method, depth=depth)
            cells = [spread(errors(found, n), 1) for n in SHOWN]
            last = spread(errors(found, max((row["settings"]["iterations"] for row in found), default=0)))
            lines.append([str(depth), f"`{method}`", *cells, last, str(published[method])])
    return markdown([*header, f"after {ends}", "published, after 500,000"], lines)


def errors(rows: Sequence[Row], iteration: int) -> list[float]:
    return [100 - accuracy for accuracy in at(rows, iteration)]


def draw(rows: Sequence[Row]) -> Any:
    """A panel for each depth: error over the first iterations, a line and its range for each method."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(PUBLISHED), figsize=(8.4, 2.6), sharey=True, layout="constrained")
    for depth, axes in zip(PUBLISHED, panels, strict=True):
        for method in METHODS:
            found = chosen(rows, method, depth=depth)
            looks = [n for n in LOOKS if found and n <= found[0]["settings"]["iterations"]]
            values = [errors(found, n) for n in looks]
            axes.plot(looks, [sum(each) / len(each) for each in values], label=method)
            axes.fill_between(
                looks, [min(each) for each in values], [max(each) for each in values], alpha=0.2, linewidth=0
            )
        axes.set(title=f"{depth} hidden layers", xlabel="iterations", yscale="log")
    panels[0].set_ylabel("test error, %")
    panels[0].set_yticks([2, 5, 10, 20, 50, 90], ["2", "5", "10", "20", "50", "90"])
    panels[0].minorticks_off()
    panels[-1].legend(frameon=False, fontsize=8)
    return figure


EXPERIMENT = Experiment(
    name="depths",
    title="Synthetic gradients by depth, MNIST",
    sizes={
        "data": "mnist", "width": 256, "batch_size": 256, "iterations": 1200, "predictor_width": 256,
        "rates": {"backprop": 1e-3, "dni": 3e-4, "cdni": 1e-3},
    },
    tiny={"data": "cifar10-mini", "width": 8, "batch_size": 16, "iterations": 4, "predictor_width": 8},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
    draw=draw,
)  # fmt: skip
