"""A network trained without any error sent back: the HSIC bottleneck on your own PyTorch model.

Every stage learns by a loss of its own to keep what tells the class (HSIC with the labels) and forget the
rest of the image (HSIC with the input). Then, if asked, the network is frozen and its last layer alone learns
by backprop: format training. On the bundled images, so nothing is downloaded.

    python examples/hsic_bottleneck.py
    python examples/hsic_bottleneck.py --format-share 0.3
"""

from __future__ import annotations

import argparse

import torch
from torch import nn

from backprop_evo import apply_method, data


def model(width: int = 256, depth: int = 3) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for size in [3 * 32 * 32, *[width] * (depth - 1)]:
        # BatchNorm keeps activations in the range in which the kernel tells samples apart.
        layers += [nn.Linear(size, width), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def tensors(split) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(split.images).float() / 255 - 0.5, torch.from_numpy(split.labels).long()


def train(net: nn.Module, epochs: int, format_share: float, images: int | None = None) -> float:
    """The share of the validation images that the trained network names rightly."""
    split, held_out = data.split_train_validation(data.load("cifar10-mini"))
    x, labels = (each[:images] for each in tensors(split))
    learner = apply_method(net, "hsic", {"format_share": format_share})
    optimizer = torch.optim.SGD(net.parameters(), lr=0.003, momentum=0.9)
    batch, phase = min(256, len(x)), None
    steps, step = epochs * (len(x) // batch), 0
    for epoch in range(1, epochs + 1):
        for places in torch.randperm(len(x))[: len(x) // batch * batch].split(batch):
            if learner.phase_at(step, steps) != phase:
                phase = learner.phase_at(step, steps)
                learner.begin(phase)
            optimizer.zero_grad()
            loss = learner.learn(x[places], labels[places])
            optimizer.step()
            step += 1
        print(f"epoch {epoch:2}  {phase.name:7}  last loss {float(loss.detach()):.3f}", flush=True)
    learner.undo()  # an ordinary network again, its outputs in the order of the classes
    net.eval()
    x, labels = tensors(held_out)
    with torch.no_grad():
        return float((net(x).argmax(1) == labels).float().mean())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=10)
    arguments.add_argument("--format-share", type=float, default=0.0)
    given = arguments.parse_args()
    torch.manual_seed(0)
    print(f"validation accuracy {train(model(), given.epochs, given.format_share):.2%}")


if __name__ == "__main__":
    main()
