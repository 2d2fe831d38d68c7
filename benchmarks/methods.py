"""How fast a step of the methods beside the equations is, against plain backprop of the same network.

``python benchmarks/methods.py``. Contenders take turns; each step of ours stands between two of plain
autograd's and is compared with their mean; a row's ratio is the median over the rounds. ``floor`` is the
ratio of the multiplications that the two cannot do without (matrix products and inverses; no optimiser, no
activation, no memory traffic): what a perfect implementation would reach where those are all that counts.

On random images of MNIST's shape, batch 256, in the trainer's own step. The last row is the HSIC bottleneck
as its authors published it: for every layer a fresh forward pass, kernels of its own, and autograd through an
inverse.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods import as_method
from backprop_evo.training.run.capability import choose, environment
from backprop_evo.training.run.child import Child

BATCH, SHAPE, CLASSES = 256, (1, 28, 28), 10
Step = Callable[[], object]


@dataclass(frozen=True)
class Contender:
    """A method on a perceptron of ``depth`` hidden layers of ``width`` with BatchNorm."""

    method: str
    depth: int
    width: int
    goal: float
    floor: Callable[[Sequence[int]], float]

    @property
    def model(self) -> str:
        return "mlp" + f"-{self.width}" * self.depth + "-bn"

    @property
    def sizes(self) -> list[int]:
        return [SHAPE[0] * SHAPE[1] * SHAPE[2], *[self.width] * self.depth, CLASSES]


@dataclass(frozen=True)
class Row:
    """``ratio`` is plain backprop's seconds by ours; above 1 ours is faster."""

    ours: str
    model: str
    ratio: float
    spread: str
    floor: float
    goal: float
    milliseconds: float


# What cannot be saved: multiplications of one sample ----------------------------------------------


def backprop(sizes: Sequence[int]) -> float:
    """Forward, weight gradient, and the signal but at the lowest layer."""
    products = [below * above for below, above in pairwise(sizes)]
    return 3 * sum(products) - products[0]


def with_predictors(sizes: Sequence[int], hidden: Sequence[int], labels: int) -> float:
    # M is trained as a network is: its input needs no signal either.
    own = sum(backprop([size + labels, *hidden, size]) for size in sizes[1:-1])
    return backprop(sizes) / (backprop(sizes) + own)


def with_hsic(sizes: Sequence[int]) -> float:
    """No signal; distances and their gradient (2 m D), an inverse (m²/2) and two products (2 m²) a stage; two
    inverses and the distances of images and labels."""
    stages = sum(2 * BATCH * size + 2.5 * BATCH**2 for size in sizes[1:])
    targets = BATCH * (sizes[0] + CLASSES) + BATCH**2
    layers = 2 * sum(below * above for below, above in pairwise(sizes))
    return backprop(sizes) / (layers + stages + targets)


CONTENDERS = (
    Contender("dni", 3, 256, 0.35, lambda sizes: with_predictors(sizes, (1024, 1024), 0)),
    Contender("cdni", 3, 256, 0.8, lambda sizes: with_predictors(sizes, (), CLASSES)),
    Contender("hsic", 5, 256, 0.5, with_hsic),
    Contender("hsic", 5, 1024, 0.5, with_hsic),
)

# Steps ----------------------------------------------


def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(BATCH, *SHAPE), torch.randint(CLASSES, (BATCH,))


def stepper(method: str, model: str) -> Step:
    capability = choose("cpu", precision="float32", images=False)
    spec = TrainSpec(model=model, optimizer="momentum", weight_decay=0.0)
    torch.manual_seed(0)
    given = as_method("g" if method == "plain" else method)
    child = Child(given, spec, capability, image_shape=SHAPE, classes=CLASSES, seed=0)
    if method == "plain":
        child.learner.undo()
    child.set_rate(1e-3)
    child.model.train()
    x, labels = batch()
    return lambda: child.step(x, labels)


def published_loop(sizes: Sequence[int], sigma: float = 5.0, beta: float = 500.0) -> Step:
    blocks = nn.ModuleList(
        nn.Sequential(nn.Linear(below, above), nn.BatchNorm1d(above, affine=False), nn.ReLU())
        for below, above in pairwise(sizes)
    )
    x, labels = batch()
    flat, one_hot = x.flatten(1), F.one_hot(labels, CLASSES).float()
    eye = torch.eye(BATCH)

    def inside(z: Tensor) -> Tensor:
        square = z.square().sum(1)
        distance = (square[:, None] + square[None] - 2 * z @ z.T).abs()
        centred = torch.exp(-distance / (2 * sigma**2 * z.shape[1])) @ (eye - 1 / BATCH)
        return centred @ torch.inverse(centred + 1e-5 * BATCH * eye)

    def step() -> None:
        for place, trained in enumerate(blocks):
            h = flat
            for block in blocks[: place + 1]:
                h = block(h)
            optimizer = torch.optim.SGD(trained.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-3)
            optimizer.zero_grad()
            of_labels = (inside(h) * inside(one_hot).T).sum()
            loss = (inside(h) * inside(flat).T).sum() - beta * of_labels
            loss.backward()
            optimizer.step()

    return step


def seconds(step: Step) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def interleaved(step: Step, plain: Step, rounds: int) -> tuple[list[float], float]:
    """plain / ours in each round, and the median seconds of ours."""
    for _ in range(3):
        step()
        plain()
    ratios, taken = [], []
    before = seconds(plain)
    for _ in range(rounds):
        taken.append(seconds(step))
        after = seconds(plain)
        ratios.append((before + after) / 2 / taken[-1])
        before = after
    return ratios, statistics.median(taken)


def row(name: str, step: Step, contender: Contender, rounds: int) -> Row:
    ratios, taken = interleaved(step, stepper("plain", contender.model), rounds)
    return Row(
        name,
        contender.model,
        statistics.median(ratios),
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        contender.floor(contender.sizes),
        contender.goal,
        1000 * taken,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    rows = [row(each.method, stepper(each.method, each.model), each, given.rounds) for each in CONTENDERS]
    loop = CONTENDERS[2]
    rows.append(row("hsic as published", published_loop(loop.sizes), loop, given.rounds))
    circumstances = environment("cpu") | {"threads": str(given.threads), "rounds": str(given.rounds)}
    if given.json:
        print(json.dumps({"rows": [asdict(each) for each in rows], "environment": circumstances}, indent=2))
        return
    print("  ".join(f"{name}: {value}" for name, value in circumstances.items()))
    for each in rows:
        print(
            f"{each.ratio:5.2f} ({each.spread}; floor {each.floor:4.2f}, goal {each.goal:4.2f})  "
            f"{each.ours:18} {each.model}  {each.milliseconds:.1f} ms"
        )


if __name__ == "__main__":
    main()
