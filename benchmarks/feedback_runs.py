"""Two properties of direct feedback alignment: its runs end in one region, and saturation does not stop it.

    python benchmarks/feedback_runs.py ends --data mnist
    python benchmarks/feedback_runs.py saturated --data mnist

``ends`` trains one perceptron from several starts, by plain backprop and by direct feedback through the same
matrices, and tells how far the ends lie from each other, layer by layer: the distance of two weights over
the root of the product of their norms, which is √2 for weights that have nothing to do with each other, as at
the start. Among solutions that are equally good, feedback alignment is said to pick those that align with the
feedback (Refinetti et al. 2021), so that its ends should be nearer to each other than SGD's.

``saturated`` scales the weights of the upper hidden layers up until their tanh is flat. Plain backprop has to
pass there, direct feedback passes by.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import Tensor, nn

from backprop_evo import apply_method, data

METHODS = {"backprop": "g", "direct feedback": "b_top_R_L_dh", "shared matrix": "shared-feedback"}
Images = tuple[Tensor, Tensor]


def images(name: str, data_dir: Path | None, count: int) -> tuple[Images, Images]:
    split, held_out = data.split_train_validation(data.load(name, data_dir))
    return tensors(split, count), tensors(held_out, count)


def tensors(split: data.Split, count: int) -> Images:
    pixels = torch.from_numpy(split.images[:count]).flatten(1).float() / 255 - 0.5
    return pixels, torch.from_numpy(split.labels[:count]).long()


def perceptron(features: int, width: int, depth: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for size in [features, *[width] * (depth - 1)]:
        layers += [nn.Linear(size, width), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def train(model: nn.Module, method: str, given: Images, epochs: int, rate: float, seed: int) -> None:
    # Matrices of seed 0 for every run: what a run has of its own is its start and its batches.
    learner = apply_method(model, METHODS[method], seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for batch in torch.randperm(len(given[0]), generator=generator).split(64):
            optimizer.zero_grad()
            learner.learn(given[0][batch], given[1][batch])
            optimizer.step()
    learner.undo()


@torch.no_grad()
def accuracy(model: nn.Module, given: Images) -> float:
    return float((model(given[0]).argmax(1) == given[1]).float().mean())


def weights(model: nn.Module) -> list[Tensor]:
    return [layer.weight.detach().clone() for layer in model.modules() if isinstance(layer, nn.Linear)]


def distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / (one.norm() * other.norm()).sqrt())


def spread(values: Sequence[float], digits: int = 2) -> str:
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


def ends(options: argparse.Namespace) -> None:
    given, held_out = images(options.data, options.data_dir, options.images)
    layers = [f"layer {place + 1}" for place in range(options.depth + 1)]
    print(
        "| "
        + " | ".join(["ends of runs", *layers, "validation, %"])
        + " |\n"
        + "|---" * (len(layers) + 2)
        + "|"
    )
    for method in ("start", *METHODS):
        found, accuracies = [], []
        for seed in range(options.runs):
            model = perceptron(given[0].shape[1], options.width, options.depth, seed)
            if method != "start":
                train(model, method, given, options.epochs, options.rate, seed)
            found.append(weights(model))
            accuracies.append(100 * accuracy(model, held_out))
        pairs = [[distance(a, b) for a, b in zip(*pair, strict=True)] for pair in combinations(found, 2)]
        cells = [spread([pair[place] for pair in pairs]) for place in range(len(layers))]
        print("| " + " | ".join([method, *cells, spread(accuracies, 1)]) + " |", flush=True)


def saturated(options: argparse.Namespace) -> None:
    given, held_out = images(options.data, options.data_dir, options.images)
    print(
        "| weights × | flat units, % | "
        + " | ".join(f"{name}, %" for name in METHODS)
        + " |\n"
        + "|---" * 5
        + "|"
    )
    for scale in options.scales:
        cells, flat = [], []
        for method in METHODS:
            accuracies = []
            for seed in range(options.runs):
                model = perceptron(given[0].shape[1], options.width, options.depth, seed)
                scale_upper(model, scale)
                flat.append(flat_units(model, given[0][:256]))
                train(model, method, given, options.epochs, options.rate, seed)
                accuracies.append(100 * accuracy(model, held_out))
            cells.append(spread(accuracies, 1))
        print("| " + " | ".join([f"{scale:g}", f"{100 * mean(flat):.0f}", *cells]) + " |", flush=True)


@torch.no_grad()
def scale_upper(model: nn.Sequential, scale: float) -> None:
    """The hidden layers above the lowest; the output layer stays as it is."""
    for layer in [layer for layer in model if isinstance(layer, nn.Linear)][1:-1]:
        layer.weight.mul_(scale)


@torch.no_grad()
def flat_units(model: nn.Sequential, x: Tensor) -> float:
    """The share of the highest hidden layer whose derivative is below a hundredth."""
    return float((1 - model[:-1](x).square() < 0.01).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["ends", "saturated"])
    parser.add_argument("--data", default="cifar10-mini")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=3, help="hidden layers")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scales", type=float, nargs="+", default=[1.0, 10.0, 100.0])
    options = parser.parse_args()
    torch.set_num_threads(1)
    started = time.process_time()
    (ends if options.what == "ends" else saturated)(options)
    print(f"\ntorch {torch.__version__}, n = {options.runs}, {time.process_time() - started:.0f} CPU seconds")


if __name__ == "__main__":
    main()
