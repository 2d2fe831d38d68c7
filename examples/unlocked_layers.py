"""Layers that wait for nobody: fully unlocked synthetic gradients on your own perceptron.

Each layer gets a predicted input and is sent a predicted gradient, so that all could be trained at the same
time. When training is over the predictions are gone and the layers are one network. On the bundled images, so
nothing is downloaded.

    python examples/unlocked_layers.py
    python examples/unlocked_layers.py --true-input-share 1      # only gradients are predicted
"""

from __future__ import annotations

import argparse

import torch
from torch import nn

from backprop_evo import apply_method, data


def model(width: int = 64) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for size in (3 * 32 * 32, width, width):
        layers += [nn.Linear(size, width), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def tensors(split) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(split.images).float() / 255 - 0.5, torch.from_numpy(split.labels).long()


def train(net: nn.Module, epochs: int, true_input_share: float = 0.0, images: int | None = None) -> float:
    """The share of the validation images that the layers, put together, name rightly."""
    split, held_out = data.split_train_validation(data.load("cifar10-mini"))
    x, labels = (each[:images] for each in tensors(split))
    settings = {"conditioned": True, "hidden_layers": 0, "width": 128, "true_input_share": true_input_share}
    learner = apply_method(net, "dni-unlocked", settings)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = learner.learn(x[batch], labels[batch])
            optimizer.step()
        print(f"epoch {epoch:2}  last loss of the top layer {float(loss.detach()):.3f}", flush=True)
    learner.undo()
    net.eval()
    x, labels = tensors(held_out)
    with torch.no_grad():
        return float((net(x).argmax(1) == labels).float().mean())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=10)
    arguments.add_argument("--true-input-share", type=float, default=0.0)
    given = arguments.parse_args()
    torch.manual_seed(0)
    print(f"validation accuracy {train(model(), given.epochs, given.true_input_share):.2%}")


if __name__ == "__main__":
    main()
