"""One training of one network by one method, measured at given iterations."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from backprop_evo import apply_method
from reproductions.images import Material, Pictures
from reproductions.progress import Heartbeat

Optimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


def adam(rate: float) -> Optimizer:
    return lambda parameters: torch.optim.Adam(parameters, lr=rate, fused=True)


def sgd(rate: float, momentum: float = 0.9, weight_decay: float = 0.0) -> Optimizer:
    return lambda parameters: torch.optim.SGD(
        parameters, lr=rate, momentum=momentum, weight_decay=weight_decay
    )


@dataclass(frozen=True, slots=True)
class Course:
    """How long, in which batches, and when is measured. ``looked_at``: iterations after which accuracy is;
    ``decays``: shares of the iterations after which the rate is a tenth of what it was;
    ``stop_after`` ends it early, for a look at the speed."""

    iterations: int
    batch_size: int = 256
    looked_at: Collection[int] = ()
    decays: Collection[float] = ()
    stop_after: int | None = None

    def looks_after(self, iteration: int) -> bool:
        return self.stop_after is None and (iteration in self.looked_at or iteration == self.iterations)


@dataclass(slots=True)
class Outcome:
    """``curve``: [iteration, mean loss since the last point, accuracy] at each look, the end included.
    ``seconds`` are the processor's of learning, without looks; ``planned`` the iterations of the whole."""

    planned: int
    curve: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    ended: str = "completed"

    @property
    def accuracy(self) -> float:
        return self.curve[-1][2] if self.curve else math.nan


def train(
    network: nn.Module,
    method: str,
    settings: dict[str, Any],
    material: Material,
    course: Course,
    optimizer: Optimizer,
    seed: int,
    watch: Callable[[], list[float]] = list,
) -> Outcome:
    """The network is trained in place, and is an ordinary one afterwards. What ``watch`` tells at each look
    follows the accuracy in the curve."""
    learner = apply_method(network, method, settings, classes=material.classes, seed=seed)
    stepped, phase = optimizer(network.parameters()), learner.phase_at(0, course.iterations)
    heartbeat = Heartbeat(course.iterations)
    decays = {round(share * course.iterations) for share in course.decays}
    batches, outcome, losses = (
        _batches(material.train, course.batch_size, seed),
        Outcome(course.iterations),
        [],
    )
    for iteration in range(1, course.iterations + 1):
        x, labels = next(batches)
        began = time.process_time()
        if (now := learner.phase_at(iteration - 1, course.iterations)) != phase:
            phase = now
            learner.begin(phase)
        if iteration - 1 in decays:
            for group in stepped.param_groups:
                group["lr"] /= 10
        stepped.zero_grad()
        loss = float(learner.learn(x, labels).detach())
        stepped.step()
        outcome.seconds += time.process_time() - began
        losses.append(loss)
        if not math.isfinite(loss):
            outcome.ended = f"the loss of iteration {iteration} is {loss}"
        if course.looks_after(iteration) or outcome.ended != "completed":
            right = accuracy(network, material.measured)
            outcome.curve.append([iteration, sum(losses) / len(losses), right, *watch()])
            losses.clear()
        if outcome.ended != "completed" or iteration == course.stop_after:
            break
        heartbeat.tell(iteration)
    learner.undo()
    return outcome


def _batches(pictures: Pictures, batch_size: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(pictures), generator=generator)
        for places in order[: len(order) // batch_size * batch_size].split(batch_size):
            yield pictures.at(places)


@torch.no_grad()
def accuracy(network: nn.Module, pictures: Pictures) -> float:
    """The share that is classified rightly, in evaluation mode."""
    was_training = network.training
    network.eval()
    right = sum(int((network(x).argmax(1) == labels).sum()) for x, labels in pictures.in_order())
    network.train(was_training)
    return right / len(pictures)
