"""Fifty hidden layers, MNIST: the HSIC bottleneck trains them, plain backprop does not.

The task is published (Ma, Lewis & Kleijn 2020), its figures are not known to us. 128 units, one epoch
in batches of 256. Plain backprop is trained at several rates, so that it does not fail by a bad one; with
BatchNorm the networks of both have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from reproductions.training import Course, sgd, train
from reproductions.unformatted import DECAY

METHODS = {"backprop": "g", "hsic": "hsic"}


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    common = {name: value for name, value in sizes.items() if name not in ("backprop_rates", "hsic_rates")}
    for method in METHODS:
        for rate in sizes[f"{method}_rates"]:
            yield Training(method, seed, {**common, "rate": rate})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here, is_hsic = training.settings, training.method == "hsic"
    material = load(here["data"], here["part"], "standard", given.data_dir)
    torch.manual_seed(training.seed)
    network = perceptron(
        material.features, [here["width"]] * here["depth"], material.classes,
        activation=here["activation"], affine=False,
    )  # fmt: skip
    epoch = len(material.train) // here["batch_size"]
    course = Course(epoch, here["batch_size"], [epoch // 4, epoch // 2], stop_after=given.stop_after)
    settings = {"sigma": here["sigma"], "beta": here["beta"]} if is_hsic else {}
    optimizer = sgd(here["rate"], weight_decay=DECAY if is_hsic else 0.0)
    return asdict(
        train(network, METHODS[training.method], settings, material, course, optimizer, training.seed)
    )


def table(rows: Sequence[Row]) -> str:
    lines = []
    for method in METHODS:
        for rate in dict.fromkeys(row["settings"]["rate"] for row in chosen(rows, method)):
            found = chosen(rows, method, rate=rate)
            lines.append([f"`{method}`", f"{rate:g}", spread(at(found, 10**9)), told(found)])
    return markdown(["method", "rate", "test accuracy after an epoch, %", "diverged"], lines)


def told(rows: Sequence[Row]) -> str:
    return f"{sum(row['result']['ended'] != 'completed' for row in rows)} of {len(rows)}"


EXPERIMENT = Experiment(
    name="fifty-layers",
    title="Fifty hidden layers, MNIST",
    sizes={
        "data": "mnist", "width": 128, "depth": 50, "activation": "relu", "batch_size": 256, "sigma": "5",
        "beta": 500, "backprop_rates": [0.1, 0.01, 0.001], "hsic_rates": [0.003],
    },
    tiny={"data": "cifar10-mini", "width": 8, "depth": 3, "batch_size": 100, "backprop_rates": [0.1]},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)  # fmt: skip
