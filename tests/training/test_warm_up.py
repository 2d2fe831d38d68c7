"""A worker is warm before its first trial: nothing of torch is imported by a training any more."""

import subprocess
import sys

import pytest
import torch

from backprop_evo.training.run.warm_up import warm_up

FIRST_TRAINING = """
import sys
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.run.trainer import train_child
from backprop_evo.training.run.warm_up import warm_up
warm_up()
before = set(sys.modules)
train_child(
    sys.argv[1],
    TrainSpec(model="mlp-8", epochs=0.1, train_images=640, validation_images=50, learning_rate=0.1),
    seed=0,
    device="cpu",
)
print(sum(name.startswith("torch.") for name in set(sys.modules) - before), "torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize(
    ("method", "imported"),
    [
        ("g", range(1)),
        # Its optimiser is a class of torch, which imports the compiler at its first step: the test sees such
        # a thing.
        ("dni", range(100, 10_000)),
    ],
)
def test_after_it_a_training_imports_nothing_of_torch(method: str, imported: range) -> None:
    told = subprocess.run(
        (sys.executable, "-c", FIRST_TRAINING, method), capture_output=True, text=True, check=True
    )
    count, has_compiler = told.stdout.split()
    assert int(count) in imported
    assert has_compiler == str(method != "g")


def test_it_leaves_global_random_state_as_it_was() -> None:
    before = torch.get_rng_state()
    warm_up()
    assert torch.equal(torch.get_rng_state(), before)
