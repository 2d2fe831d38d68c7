"""Networks trained with Gaussian kernels of several widths σ, each alone and combined.

Published (Ma, Lewis & Kleijn 2020; read off a drawing): MNIST, format training, test accuracy for σ = 1, 5,
10 and for the three combined. The network is that of the repository's general script (5 hidden layers of
128), trained twice: by the rate, momentum and decay of ``unformatted``, and as that script does, at 0.0001
by an optimiser that is made anew in each step, so that it has no momentum. BatchNorm is that of
``unformatted``. One epoch of HSIC, one of the format layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from reproductions.experiment import Circumstances, Experiment, Row, Sizes, Training, chosen, markdown, spread
from reproductions.images import load
from reproductions.networks import perceptron
from reproductions.training import Course, sgd, train
from reproductions.unformatted import DECAY, HSIC_RATE, after

#: σ → published test accuracy, %.
PUBLISHED: Mapping[str, str] = {"1": "70.3", "5": "94.2", "10": "93.8", "1,5,10": "94.3"}
#: Whose steps → rate and momentum of SGD.
STEPS: Mapping[str, tuple[float, float]] = {"ours": (HSIC_RATE, 0.9), "theirs": (0.0001, 0.0)}


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    return (
        Training("hsic", seed, {**sizes, "sigma": sigma, "steps": whose})
        for whose in STEPS
        for sigma in PUBLISHED
    )


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here = training.settings
    material = load(here["data"], here["part"], "standard", given.data_dir)
    torch.manual_seed(training.seed)
    network = perceptron(material.features, [here["width"]] * here["depth"], material.classes, affine=False)
    epoch = len(material.train) // here["batch_size"]
    course = Course(2 * epoch, here["batch_size"], [epoch], stop_after=given.stop_after)
    settings = {"sigma": here["sigma"], "beta": here["beta"], "format_share": 0.5}
    rate, momentum = STEPS[here["steps"]]
    optimizer = sgd(rate, momentum, weight_decay=DECAY)
    return {"epoch": epoch} | asdict(
        train(network, "hsic", settings, material, course, optimizer, training.seed)
    )


def table(rows: Sequence[Row]) -> str:
    lines = []
    for sigma, published in PUBLISHED.items():
        found = [chosen(rows, sigma=sigma, steps=whose) for whose in STEPS]
        cells = [spread([after(row, epochs) for row in each]) for each in found for epochs in (1, 2)]
        lines.append([sigma, *cells, published])
    header = [f"{whose}: {what}, %" for whose in STEPS for what in ("unformatted", "format layer")]
    return markdown(["σ", *header, "published, format layer"], lines)


EXPERIMENT = Experiment(
    name="kernel-widths",
    title="The HSIC bottleneck by kernel width, 5 hidden layers of 128, MNIST",
    sizes={"data": "mnist", "width": 128, "depth": 5, "batch_size": 256, "beta": 500},
    tiny={"data": "cifar10-mini", "width": 8, "depth": 2, "batch_size": 100},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)
