"""Your own PyTorch model by synthetic gradients: at each layer a small model stands in for the wait.

``apply_method`` puts the method into the model, ``learn`` replaces loss and backward pass, the optimiser
stays yours. ``cdni`` shows its small models the label; ``dni`` does not. On the bundled images, so nothing is
downloaded.

    python examples/synthetic_gradients.py
    python examples/synthetic_gradients.py --method g          # plain backprop, by the same four lines
"""

from __future__ import annotations

import argparse

import torch
from torch import nn

from backprop_evo import apply_method, data


def model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(4),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(4),
        nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def tensors(split) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(split.images).float() / 255 - 0.5, torch.from_numpy(split.labels).long()


def train(net: nn.Module, method: str, epochs: int, rate: float = 0.005, images: int | None = None) -> float:
    """The share of the validation images that the trained network names rightly."""
    split, held_out = data.split_train_validation(data.load("cifar10-mini"))
    x, labels = (each[:images] for each in tensors(split))
    learner = apply_method(net, method)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = learner.learn(x[batch], labels[batch])
            optimizer.step()
        print(f"epoch {epoch:2}  last loss {float(loss.detach()):.3f}", flush=True)
    learner.undo()  # an ordinary network again: save it, serve it
    net.eval()
    x, labels = tensors(held_out)
    with torch.no_grad():
        return float((net(x).argmax(1) == labels).float().mean())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--method", default="cdni", help="cdni, dni, or any other method or equation")
    arguments.add_argument("--epochs", type=int, default=10)
    arguments.add_argument(
        "--rate", type=float, default=0.005, help="of the network; plain backprop bears 0.02"
    )
    given = arguments.parse_args()
    torch.manual_seed(0)
    print(f"validation accuracy {train(model(), given.method, given.epochs, given.rate):.2%}")


if __name__ == "__main__":
    main()
