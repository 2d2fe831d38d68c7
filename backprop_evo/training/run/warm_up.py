"""What torch makes at a first training, made before: a network and its gradients, and a GPU takes its time to
answer at all.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods.registry import as_method
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import Child


def warm_up() -> None:
    """One step of a tiny child on the CPU, and one number on the device. Global random state is left as it
    was. Raises what torch raises where the device is broken."""
    capability = choose(None, precision="float32", images=False)
    torch.zeros(1, device=capability.device)
    # No kernels on a GPU: its libraries read how they are to work when they are first used, which is up to
    # the first training.
    on_cpu = replace(capability, device="cpu", cuda_graph=False)
    with torch.random.fork_rng(devices=[]):
        child = Child(
            as_method("g"), TrainSpec(model="mlp-8"), on_cpu, image_shape=(1, 2, 2), classes=2, seed=0
        )
        child.step(torch.zeros(2, 1, 2, 2), torch.zeros(2, dtype=torch.long))
