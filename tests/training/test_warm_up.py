"""A worker is warm before its first trial: nothing of torch is imported by a training any more."""

import subprocess
import sys

import torch

from backprop_evo.training.run.warm_up import warm_up

FIRST_TRAINING = """
import sys
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.run.trainer import train_child
from backprop_evo.training.run.warm_up import warm_up
if sys.argv[1] == "warm":
    warm_up()
before = set(sys.modules)
train_child(
    "g",
    TrainSpec(model="mlp-8", epochs=0.1, train_images=640, validation_images=50, learning_rate=0.1),
    seed=0,
    device="cpu",
)
print(sum(name.startswith("torch.") for name in set(sys.modules) - before))
"""


def imported_by_first_training(state: str) -> int:
    told = subprocess.run(
        (sys.executable, "-c", FIRST_TRAINING, state), capture_output=True, text=True, check=True
    )
    return int(told.stdout)


def test_after_it_a_training_imports_nothing_of_torch():
    assert imported_by_first_training("cold") > 100
    assert imported_by_first_training("warm") == 0


def test_it_leaves_global_random_state_as_it_was():
    before = torch.get_rng_state()
    warm_up()
    assert torch.equal(torch.get_rng_state(), before)
