"""Layers that are updated at random, each with probability 0.2 in a step, by conditioned synthetic gradients.

Published (a re-implementation, 3 × 256 on MNIST, linear M, 500,000 iterations): test accuracy 97.64 % by
backprop, 96.95 % by synthetic gradients. With probability 0.2 a layer has a fifth of the updates, so that
ours has five times the iterations of the rows beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import torch

from reproductions.depths import DECAYS
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

#: Method in the rows → the product's, and how likely a layer is updated.
METHODS = {"backprop": ("g", 1.0), "cdni": ("cdni", 1.0), "cdni, p 0.2": ("cdni", 0.2)}
PUBLISHED = {"backprop": "97.64", "cdni": "–", "cdni, p 0.2": "96.95"}


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    for method, (_, probability) in METHODS.items():
        iterations = round(sizes["updates"] / probability)
        rest = {name: value for name, value in sizes.items() if name != "updates"}
        yield Training(method, seed, {**rest, "iterations": iterations})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here, (method, probability) = training.settings, METHODS[training.method]
    material = load(here["data"], here["part"], "unit", given.data_dir)
    torch.manual_seed(training.seed)
    network = perceptron(material.features, [here["width"]] * here["depth"], material.classes)
    settings = {"update_probability": probability} if probability < 1 else {}
    course = Course(here["iterations"], here["batch_size"], (), DECAYS, given.stop_after)
    return asdict(train(network, method, settings, material, course, adam(here["rate"]), training.seed))


def table(rows: Sequence[Row]) -> str:
    lines = []
    for method in METHODS:
        found = chosen(rows, method)
        iterations = sorted({row["settings"]["iterations"] for row in found})
        cells = [", ".join(f"{n:,}" for n in iterations), spread(at(found, max(iterations, default=0)))]
        lines.append([f"`{method}`", *cells, PUBLISHED[method]])
    return markdown(["method", "iterations", "test accuracy, %", "published, after 500,000"], lines)


EXPERIMENT = Experiment(
    name="asynchronous",
    title="Layers updated at random, MNIST",
    sizes={"data": "mnist", "width": 256, "depth": 3, "batch_size": 256, "updates": 1000, "rate": 1e-3},
    tiny={"data": "cifar10-mini", "width": 8, "batch_size": 16, "updates": 2},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)
