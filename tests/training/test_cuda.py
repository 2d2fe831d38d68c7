"""What only a CUDA device can show: the captured step, its determinism, bf16. Skipped where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import dsl
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    TrainSpec,
)
from backprop_evo.training.methods import as_method
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import EAGER_STEPS_BEFORE_CAPTURE, Child
from backprop_evo.training.run.trainer import train_child

DEVICE = "cuda"
SPEC = TrainSpec(model="wrn-10-1", epochs=1, train_images=1280, validation_images=500, learning_rate=0.01)
METHODS = [
    "g",
    "b_next_R_dh",
    "b_top_R_L_dh",
    "g / elem(g, inf) * (std(dh) / mat(., 1))",
    "standardise(g) + g",
    "layerwise-normalised",
    "clipped-gradient",
    "placebo",
    "classifier-alone",
]

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def losses(method: str, *, captured: bool, optimizer: str) -> list[float]:
    torch.manual_seed(0)
    capability = replace(choose(DEVICE, precision="float32", images=True), cuda_graph=captured)
    spec = replace(SPEC, optimizer=optimizer)
    child = Child(as_method(method), spec, capability, image_shape=(3, 32, 32), classes=10, seed=0)
    child.model.train()
    generator = torch.Generator().manual_seed(1)
    seen = []
    for step in range(EAGER_STEPS_BEFORE_CAPTURE + 5):
        child.set_rate(0.01 / (1 + step))
        x_BCHW = torch.randn(32, 3, 32, 32, generator=generator).to(DEVICE)
        labels_B = torch.randint(10, (32,), generator=generator).to(DEVICE)
        seen.append(child.step(x_BCHW.contiguous(memory_format=torch.channels_last), labels_B).item())
    return seen


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
@pytest.mark.parametrize("method", METHODS)
def test_a_captured_step_does_what_an_eager_one_does(method, optimizer):
    captured, eager = (losses(method, captured=way, optimizer=optimizer) for way in (True, False))
    assert captured == pytest.approx(eager, rel=1e-3)
    assert len(set(captured)) == len(captured)


@pytest.mark.parametrize("equation", ["g / fro(g)", "drop(g, 0.1) + b_next_W"])
def test_the_same_seed_gives_the_same_curve_bit_for_bit(equation):
    runs = [train_child(dsl.parse(equation), SPEC, seed=0, device=DEVICE) for _ in range(2)]
    assert runs[0].outcome is TrialState.COMPLETED
    assert [point.train_loss for point in runs[0].curve] == [point.train_loss for point in runs[1].curve]
    assert runs[0].validation_accuracy == runs[1].validation_accuracy


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_child_learns(precision):
    spec = replace(SPEC, epochs=4, train_images=None, precision=precision)
    result = train_child(dsl.parse("g / fro(g)"), spec, seed=0, device=DEVICE)
    assert result.outcome is TrialState.COMPLETED
    assert result.validation_accuracy > 0.25
    assert result.environment["gpu"]


def test_alignment_is_measured_between_captured_steps():
    spec = replace(SPEC, alignment_every=4)
    plain = train_child(dsl.parse("g"), spec, seed=0, device=DEVICE)
    assert max(point.update_angle for point in plain.alignment) < 1.0
