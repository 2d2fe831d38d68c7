"""What last layers know of the classes, under the HSIC bottleneck and under plain backprop, MNIST.

Published (Ma, Lewis & Kleijn 2020) as drawings. *Needle*: tanh, 784-64-32-16-8-4-2-1, σ 5, β 500; the
activations of the last unit by class. *Outputs*: the output units by class, of a network that no error has
formatted. Published for the needle: SGD at 0.00005, made anew in each step; ours as in ``unformatted``. A
Linear from the last unit to ten outputs follows, as every method here wants; backprop trains it as well.

Here ``separation`` is the share of the last unit's variance that lies between classes: 1 where every class
has a value of its own, 0 where the unit says nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

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
from reproductions.images import Pictures, load
from reproductions.networks import perceptron
from reproductions.training import Course, sgd, train
from reproductions.unformatted import BACKPROP_RATE, DECAY, HSIC_RATE

METHODS = {"hsic": "hsic", "backprop": "g"}
#: Of a histogram over the values of tanh.
BINS = 40


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    common = {name: value for name, value in sizes.items() if name not in ("needle", "outputs")}
    for network in ("needle", "outputs"):
        for method in METHODS:
            yield Training(method, seed, {**common, "network": network, "widths": sizes[network]})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    here, is_hsic = training.settings, training.method == "hsic"
    material = load(here["data"], here["part"], "standard", given.data_dir)
    torch.manual_seed(training.seed)
    network = perceptron(
        material.features, here["widths"], material.classes, activation="tanh", affine=False
    )  # fmt: skip
    epoch = len(material.train) // here["batch_size"]
    course = Course(epoch * here["epochs"], here["batch_size"], [epoch], stop_after=given.stop_after)
    settings = {"sigma": here["sigma"], "beta": here["beta"]} if is_hsic else {}
    optimizer = sgd(HSIC_RATE if is_hsic else BACKPROP_RATE, weight_decay=DECAY if is_hsic else 0.0)
    method = METHODS[training.method]
    result = asdict(train(network, method, settings, material, course, optimizer, training.seed))
    if given.stop_after is not None:
        return result
    return result | of_last_layers(network, material.measured, material.classes)


@torch.no_grad()
def of_last_layers(network: nn.Sequential, pictures: Pictures, classes: int) -> dict[str, Any]:
    """``histograms`` (class, bin) of all units of the last hidden layer; ``outputs`` (class, unit), the mean
    of the outputs' softmax over the images of a class; ``separation`` of the hidden layer's first unit."""
    network.eval()
    hidden, outputs, labels = [], [], []
    for x, own in pictures.in_order():
        hidden.append(network[:-1](x))
        outputs.append(network[-1](hidden[-1]).softmax(1))
        labels.append(own)
    h, out, y = torch.cat(hidden), torch.cat(outputs), torch.cat(labels)
    of_classes = [h[y == number] for number in range(classes)]
    return {
        "separation": separation(h[:, 0], y, classes),
        "histograms": [each.flatten().histc(BINS, -1, 1).int().tolist() for each in of_classes],
        "outputs": [[round(each, 4) for each in out[y == n].mean(0).tolist()] for n in range(classes)],
    }


def separation(values_N: Tensor, labels_N: Tensor, classes: int) -> float:
    """The share of the variance that lies between the classes; 0 for a unit that never changes."""
    whole = values_N - values_N.mean()
    total = float(whole.square().sum())
    if total == 0:
        return 0.0
    own = [whole[labels_N == number] for number in range(classes)]
    return float(sum(len(each) * each.mean() ** 2 for each in own if len(each))) / total


def table(rows: Sequence[Row]) -> str:
    lines = []
    for network in ("needle", "outputs"):
        for method in METHODS:
            found = chosen(rows, method, network=network)
            shares = [row["result"]["separation"] for row in found]
            accuracies = [100 * row["result"]["curve"][-1][2] for row in found]
            lines.append([network, f"`{method}`", spread(accuracies, 1), spread(shares)])
    return markdown(["network", "method", "test accuracy, %", "separation"], lines)


def draw(rows: Sequence[Row]) -> Any:
    """Above, a method each: the needle's last unit, a line a class. Below: mean outputs, a row a class."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(2, 2, figsize=(7, 6), layout="constrained")
    edges = torch.linspace(-1, 1, BINS + 1)
    middles = ((edges[1:] + edges[:-1]) / 2).tolist()
    for method, (above, below) in zip(METHODS, panels.T, strict=True):
        first = _first_seed(rows, method)
        for number, counts in enumerate(first["needle"]["histograms"]):
            share = [0.9 * count / max(1, max(counts)) + number for count in counts]
            above.fill_between(middles, number, share, alpha=0.7, linewidth=0, color=f"C{number}")
        above.set(title=method, xlabel="activation of the needle's last unit", yticks=range(10))
        below.imshow(first["outputs"]["outputs"], vmin=0, vmax=1, cmap="Blues")
        below.set(xlabel="output unit", xticks=range(10), yticks=range(10))
    for left in panels[:, 0]:
        left.set_ylabel("class")
    return figure


def _first_seed(rows: Sequence[Row], method: str) -> Mapping[str, Mapping[str, Any]]:
    """Network → its result."""
    own = sorted(chosen(rows, method), key=lambda row: -int(row["seed"]))
    return {row["settings"]["network"]: row["result"] for row in own}


EXPERIMENT = Experiment(
    name="needle",
    title="Last layers by class, MNIST",
    sizes={
        "data": "mnist", "needle": [64, 32, 16, 8, 4, 2, 1], "outputs": [128] * 5, "batch_size": 256,
        "epochs": 2, "sigma": "5", "beta": 500,
    },
    tiny={"data": "cifar10-mini", "needle": [4, 1], "outputs": [4], "batch_size": 100, "epochs": 1},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
    draw=draw,
)  # fmt: skip
