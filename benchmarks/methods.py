"""How fast a step of the methods beside the equations is, against plain backprop of the same network.

``python benchmarks/methods.py``. Contenders take turns; each step of ours stands between two of plain
autograd's and is compared with their mean; a row's ratio is the median over the rounds. ``floor`` is the
ratio of the multiplications that the two cannot do without (matrix products and inverses; no optimiser, no
activation, no memory traffic): what a perfect implementation would reach where those are all that counts.

On random images of MNIST's shape, batch 256, in the trainer's own step. One row is the HSIC bottleneck as its
authors published it: for every layer a fresh forward pass, kernels of its own, and autograd through an
inverse. The last is a window of a sequence by ``dni``, against the same window by truncated BPTT.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods import as_method
from backprop_evo.training.run.capability import choose, environment
from backprop_evo.training.run.child import Child
from backprop_evo.training.sequences.episodes import Curriculum, Episodes
from backprop_evo.training.sequences.future import Nothing, PredictedFuture
from backprop_evo.training.sequences.learner import WindowLearner
from backprop_evo.training.sequences.network import SequenceNetwork

BATCH, SHAPE, CLASSES = 256, (1, 28, 28), 10
#: Of the sequence step, as published: sequences at once, units of the LSTM and of M's hidden layer; T.
SEQUENCES, UNITS, HIDDEN, WINDOW = 32, 256, 1024, 5
#: Windows of the copy task that a sequence step goes through, drawn beforehand.
WINDOWS = 16
Step = Callable[[], object]


@dataclass(frozen=True)
class Contender:
    """A method on a perceptron of ``depth`` hidden layers of ``width`` with BatchNorm."""

    method: str
    depth: int
    width: int
    goal: float | None
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
    goal: float | None
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


def unlocked(sizes: Sequence[int], hidden: Sequence[int]) -> float:
    # Beside each M an I, whose input is the image.
    own = sum(backprop([size, *hidden, size]) + backprop([sizes[0], *hidden, size]) for size in sizes[1:-1])
    return backprop(sizes) / (backprop(sizes) + own)


def with_future(inputs: int, outputs: int) -> float:
    """A window of the LSTM, without the gradient at what it reads; M says what comes, then learns."""
    of_state, of_input = 4 * UNITS * UNITS + UNITS * outputs, 4 * UNITS * inputs
    window = WINDOW * (3 * of_state + 2 * of_input)
    m = [2 * UNITS, HIDDEN, 2 * UNITS]
    return window / (window + sum(below * above for below, above in pairwise(m)) + backprop(m))


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
    Contender("dni-unlocked", 3, 256, None, lambda sizes: unlocked(sizes, (1024, 1024))),
    Contender("hsic", 5, 256, 0.5, with_hsic),
    Contender("hsic", 5, 1024, 0.5, with_hsic),
)
#: The contender beside which its authors' loop is measured.
PUBLISHED_AS = next(each for each in CONTENDERS if each.method == "hsic")

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


def sequence_stepper(method: str) -> Step:
    torch.manual_seed(0)
    episodes = copy_task()
    network = SequenceNetwork(episodes.inputs, UNITS, episodes.outputs)
    predicted = PredictedFuture(
        network.state_size, hidden_layers=1, width=HIDDEN, rate=1e-3, scale=1.0, generator=torch.Generator()
    )
    future = predicted if method == "dni" else Nothing()
    learner = WindowLearner(network, future, network.empty_state(SEQUENCES))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    windows = cycle([episodes.next(WINDOW) for _ in range(WINDOWS)])

    def step() -> None:
        optimizer.zero_grad()
        learner.learn(next(windows))
        optimizer.step()

    return step


def copy_task() -> Episodes:
    curriculum = Curriculum(repeats=False, batch_size=SEQUENCES)
    return Episodes(2, SEQUENCES, curriculum, torch.Generator().manual_seed(0))


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


def row(
    ours: str, model: str, step: Step, plain: Step, limits: tuple[float, float | None], rounds: int
) -> Row:
    """``limits``: floor and goal."""
    ratios, taken = interleaved(step, plain, rounds)
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    return Row(ours, model, statistics.median(ratios), spread, *limits, 1000 * taken)


def rows(rounds: int) -> Iterator[Row]:
    for each in CONTENDERS:
        limits = each.floor(each.sizes), each.goal
        steps = stepper(each.method, each.model), stepper("plain", each.model)
        yield row(each.method, each.model, *steps, limits, rounds)
        if each == PUBLISHED_AS:
            steps = published_loop(each.sizes), stepper("plain", each.model)
            yield row("hsic as published", each.model, *steps, limits, rounds)
    episodes = copy_task()
    limits = with_future(episodes.inputs, episodes.outputs), None
    steps = sequence_stepper("dni"), sequence_stepper("bptt")
    yield row("dni, sequence", f"lstm-{UNITS}, T {WINDOW}", *steps, limits, rounds)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    circumstances = environment("cpu") | {"threads": str(given.threads), "rounds": str(given.rounds)}
    if given.json:
        found = [asdict(each) for each in rows(given.rounds)]
        print(json.dumps({"rows": found, "environment": circumstances}, indent=2))
        return
    print("  ".join(f"{name}: {value}" for name, value in circumstances.items()))
    for each in rows(given.rounds):
        goal = "" if each.goal is None else f", goal {each.goal:4.2f}"
        limits = f"({each.spread}; floor {each.floor:4.2f}{goal})"
        print(
            f"{each.ratio:5.2f} {limits:38} {each.ours:18} {each.model}  {each.milliseconds:.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
