"""The HSIC bottleneck without and with a format layer: 5 hidden layers of 1,024, on three data sets.

Published (Ma, Lewis & Kleijn 2020; figures read off drawings in their repository, settings from its scripts):
batches of 256, σ 6, β by data set, SGD at 0.001 with momentum 0.9 and decay 0.001, BatchNorm without
scale and shift; plain backprop at 0.05. Theirs makes a new optimiser in each step, so that its momentum never
grows; ours is one optimiser. Theirs finds out which unit stands for which class on the images that are then
scored; ours on training images.

After the last epoch the network is frozen and its output layer alone learns for one more: format training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

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
from reproductions.images import Material, load
from reproductions.networks import perceptron
from reproductions.training import Course, sgd, train

SIGMA, HSIC_RATE, BACKPROP_RATE, DECAY = 6, 0.001, 0.05, 0.001
#: Data set → β.
BETA: Mapping[str, float] = {"mnist": 200, "fashion-mnist": 1000, "cifar10": 2500}
#: Test accuracy after epochs 1 and 5, %.
PUBLISHED: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "mnist": {"hsic": ("96.7", "97.5"), "backprop": ("97.2", "98.4")},
    "fashion-mnist": {"hsic": ("84.4", "87.1"), "backprop": ("84.6", "88.0")},
    "cifar10": {"hsic": ("42.5", "49.4"), "backprop": ("45.8", "50.7")},
}


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    for data in sizes["data"]:
        for method in ("hsic", "backprop"):
            yield Training(method, seed, {**sizes, "data": data})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here = training.settings
    material = load(here["data"], here["part"], "standard", given.data_dir)
    torch.manual_seed(training.seed)
    widths = [here["width"]] * here["depth"]
    network = perceptron(material.features, widths, material.classes, affine=False)
    beta = BETA.get(here["data"], 500.0)
    return by_hsic_or_backprop(
        network, training, material, given, sigma=SIGMA, beta=beta, hsic_rate=HSIC_RATE
    )


def by_hsic_or_backprop(
    network: nn.Module,
    training: Training,
    material: Material,
    given: Circumstances,
    *,
    sigma: int,
    beta: float,
    hsic_rate: float,
) -> dict[str, Any]:
    """The asked epochs, of HSIC with one more for its format layer; looked at after each."""
    here, is_hsic = training.settings, training.method == "hsic"
    epoch, epochs = len(material.train) // here["batch_size"], here["epochs"]
    course = Course(
        epoch * (epochs + 1 if is_hsic else epochs),
        here["batch_size"],
        [epoch * (number + 1) for number in range(epochs)],
        stop_after=given.stop_after,
    )
    settings = {"sigma": str(sigma), "beta": beta, "format_share": 1 / (epochs + 1)}
    optimizer = sgd(hsic_rate if is_hsic else BACKPROP_RATE, weight_decay=DECAY if is_hsic else 0.0)
    method, settings = ("hsic", settings) if is_hsic else ("g", {})
    return {"epoch": epoch} | asdict(
        train(network, method, settings, material, course, optimizer, training.seed)
    )


def table(rows: Sequence[Row]) -> str:
    epochs = max(row["settings"]["epochs"] for row in rows)
    header = [
        "data",
        "method",
        "epoch 1, %",
        "published",
        f"epoch {epochs}, %",
        "published",
        "format layer, %",
    ]
    lines = []
    for data in dict.fromkeys(row["settings"]["data"] for row in rows):
        for method in ("hsic", "backprop"):
            found = chosen(rows, method, data=data)
            first, last = ([after(row, number) for row in found] for number in (1, epochs))
            formatted = (
                spread([100 * row["result"]["curve"][-1][2] for row in found]) if method == "hsic" else ""
            )
            published = PUBLISHED.get(data, {}).get(method, ("–", "–"))
            lines.append(
                [data, f"`{method}`", spread(first), published[0], spread(last), published[1], formatted]
            )
    return markdown(header, lines)


def after(row: Row, epochs: int) -> float:
    return at([row], epochs * row["result"]["epoch"])[0]


EXPERIMENT = Experiment(
    name="unformatted",
    title="The HSIC bottleneck, 5 hidden layers of 1,024",
    sizes={"data": list(BETA), "width": 1024, "depth": 5, "batch_size": 256, "epochs": 5},
    tiny={"data": ["cifar10-mini"], "width": 8, "depth": 2, "batch_size": 100, "epochs": 1},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)
