"""Four layers of which none waits for another: synthetic gradients and synthetic inputs, MNIST.

Published (Jaderberg et al. 2017): about 2 % test error for 784-256-256-256-10, which then has three M and
three I. How M and I were made is not known to us; ours: a linear M that sees the label, an I of two hidden
layers of 256. ``--set 'methods=["conditioned", "unconditioned"]'`` has one without labels beside it, whose M
has two hidden layers of 256.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

METHODS: Mapping[str, Mapping[str, Any]] = {
    "conditioned": {"conditioned": True, "hidden_layers": 0},
    "unconditioned": {},
}
LOOKS = (500, 1000, 2000)


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    if unknown := sorted(set(sizes["methods"]) - set(METHODS)):
        raise SystemExit(f"unlocked has no method {', '.join(unknown)}; it has {', '.join(METHODS)}")
    common = {name: value for name, value in sizes.items() if name != "methods"}
    return (Training(method, seed, common) for method in sizes["methods"])


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here = training.settings
    material = load(here["data"], here["part"], "unit", given.data_dir)
    torch.manual_seed(training.seed)
    network = perceptron(material.features, [here["width"]] * here["depth"], material.classes)
    settings = {**METHODS[training.method], "width": here["predictor_width"]}
    course = Course(here["iterations"], here["batch_size"], LOOKS, DECAYS, given.stop_after)
    return asdict(
        train(network, "dni-unlocked", settings, material, course, adam(here["rate"]), training.seed)
    )


def table(rows: Sequence[Row]) -> str:
    ends = sorted({row["settings"]["iterations"] for row in rows})
    shown = sorted({*(look for look in LOOKS if look < max(ends)), *ends})
    lines = []
    for method in dict.fromkeys(row["method"] for row in rows):
        found = chosen(rows, method)
        cells = [spread([100 - each for each in at(found, n)]) for n in shown]
        lines.append([f"`dni-unlocked`, {method}", *cells, "about 2"])
    return markdown(["", *(f"error after {n:,} iterations, %" for n in shown), "published"], lines)


EXPERIMENT = Experiment(
    name="unlocked",
    title="Fully unlocked, four layers, MNIST",
    sizes={
        "data": "mnist", "width": 256, "depth": 3, "batch_size": 256, "iterations": 2000,
        "predictor_width": 256, "rate": 1e-3, "methods": ["conditioned"],
    },
    tiny={"data": "cifar10-mini", "width": 8, "batch_size": 16, "iterations": 3, "predictor_width": 8},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)  # fmt: skip
