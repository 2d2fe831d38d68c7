"""A residual network of 5 blocks: the HSIC bottleneck, then a format layer; plain backprop beside it.

Published (Ma, Lewis & Kleijn 2020, settings from the repository's scripts): an input convolution 5×5 of
stride 2, 5 residual blocks of a 5×5 convolution, 64 channels, BatchNorm without scale and shift, ReLU, a
hidden layer of 512; σ 5, β by data set, rate 0.01, batches of 512; 50 epochs of HSIC (5 in the scripts), then
format training. Backprop beside it at 0.05 is ours.

Ours: as many channels and epochs as an hour has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from reproductions.experiment import Circumstances, Experiment, Row, Training, chosen, markdown, spread
from reproductions.images import load
from reproductions.networks import residual
from reproductions.unformatted import after, by_hsic_or_backprop, trainings

SIGMA, HSIC_RATE = 5, 0.01
#: Data set → β.
BETA: Mapping[str, float] = {"mnist": 200, "fashion-mnist": 500, "cifar10": 500}
#: Test accuracy after epochs 1 and 5 of format training, and of backprop, %.
PUBLISHED: Mapping[str, Mapping[str, str]] = {
    "mnist": {"hsic": "99.5 → 99.6", "backprop": "96.9 → 99.2"},
    "fashion-mnist": {"hsic": "89.2 → 89.7", "backprop": "84.4 → 89.2"},
    "cifar10": {"hsic": "56.1 → 61.5", "backprop": "46.7 → 61.7"},
}


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here = training.settings
    material = load(here["data"], here["part"], "standard", given.data_dir)
    torch.manual_seed(training.seed)
    network = residual(
        material.image_shape,
        material.classes,
        channels=here["channels"],
        blocks=here["blocks"],
        width=here["width"],
    )
    beta = BETA.get(here["data"], 500.0)
    return by_hsic_or_backprop(
        network, training, material, given, sigma=SIGMA, beta=beta, hsic_rate=HSIC_RATE
    )


def table(rows: Sequence[Row]) -> str:
    epochs = max(row["settings"]["epochs"] for row in rows)
    lines = []
    for data in dict.fromkeys(row["settings"]["data"] for row in rows):
        for method in ("hsic", "backprop"):
            found = chosen(rows, method, data=data)
            trained = [after(row, epochs) for row in found]
            ends = [100 * row["result"]["curve"][-1][2] for row in found]
            formatted = spread(ends) if method == "hsic" else ""
            published = PUBLISHED.get(data, {}).get(method, "–")
            lines.append([data, f"`{method}`", spread(trained), formatted, published])
    header = ["data", "method", f"epoch {epochs}, %", "a format epoch more, %", "published, epoch 1 → 5"]
    return markdown(header, lines)


EXPERIMENT = Experiment(
    name="residual",
    title="The HSIC bottleneck in a residual network of 5 blocks",
    sizes={
        "data": list(BETA),
        "channels": 16,
        "blocks": 5,
        "width": 512,
        "batch_size": 256,
        "epochs": 1,
    },
    tiny={"data": ["cifar10-mini"], "channels": 2, "blocks": 1, "width": 4, "batch_size": 200},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)
