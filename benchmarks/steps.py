"""The training steps that benchmarks compare, on random images: the step is measured, not the data."""

from __future__ import annotations

from collections.abc import Callable

import torch

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods import as_method
from backprop_evo.training.run.capability import Capability
from backprop_evo.training.run.child import Child
from dsl.equation import Equation
from dsl.known import KNOWN, KnownEquation
from dsl.parsing import parse

BATCH = 128
Step = Callable[[], object]


def batch(channels_last: bool) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    images = torch.randn(BATCH, 3, 32, 32)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    return images, torch.randint(10, (BATCH,))


def make_child(equation: Equation, capability: Capability, model: str) -> Child:
    spec = TrainSpec(model=model, precision="bf16" if capability.precision == "bf16" else "float32")
    child = Child(as_method(equation), spec, capability, image_shape=(3, 32, 32), classes=10, seed=0)
    child.set_rate(1e-3)
    child.model.train()
    return child


def stepper(equation: str, capability: Capability, model: str) -> Step:
    """A step of the trainer's child; ``plain`` takes the sites out again."""
    child = make_child(parse("g" if equation == "plain" else equation), capability, model)
    if equation == "plain":
        child.learner.undo()
    x, y = batch(capability.channels_last)
    return lambda: child.step(x, y)


def table_1() -> list[KnownEquation]:
    """The equations of Table 1 but its baseline."""
    return [known for known in KNOWN.values() if known.source == "Table 1"]
