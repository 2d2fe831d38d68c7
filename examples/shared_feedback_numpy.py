"""Direct feedback with one matrix for all layers, by hand: numpy alone, no autograd.

Backprop carries the output's error e down through the transposed weights, one layer after the other. Here a
fixed random matrix B brings it to every layer at once: one product e B, of which each layer takes as many
columns as it has units. The weights above then turn until that signal is of use: ``cosine`` says how far it
points the way that backprop's would. On the bundled images, so nothing is downloaded.

    python examples/shared_feedback_numpy.py
    python examples/shared_feedback_numpy.py --feedback backprop      # the same network, the same batches

In a PyTorch model of your own: ``apply_method(model, "shared-feedback")``. Row vectors; batches of 50.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np

from backprop_evo import data

WIDTHS = (3 * 32 * 32, 128, 64, 10)
RATE = 0.05
BATCH = 50


class Network:
    """Weights (in, out) and biases of a perceptron with tanh, and one B (classes, widest hidden layer)."""

    def __init__(self, rng: np.random.Generator) -> None:
        pairs = list(pairwise(WIDTHS))
        self.W = [rng.standard_normal((n, m)).astype(np.float32) / np.sqrt(n) for n, m in pairs]
        self.c = [np.zeros(m, np.float32) for _, m in pairs]
        classes, widest = WIDTHS[-1], max(WIDTHS[1:-1])
        self.B = (rng.standard_normal((classes, widest)) / np.sqrt(classes)).astype(np.float32)

    def forward(self, x):
        """The input of every layer, and the probabilities of the classes."""
        inputs = [x]
        for W, c in zip(self.W[:-1], self.c[:-1], strict=True):
            inputs.append(np.tanh(inputs[-1] @ W + c))
        z = inputs[-1] @ self.W[-1] + self.c[-1]
        p = np.exp(z - z.max(1, keepdims=True))
        return inputs, p / p.sum(1, keepdims=True)

    def shared(self, inputs, e):
        """What each hidden layer learns from. No layer needs another's signal: all could be done at once."""
        sent = e @ self.B
        return [sent[:, : h.shape[1]] * (1 - h**2) for h in inputs[1:]]

    def backprop(self, inputs, e):
        """The same by the chain rule, from the top down."""
        deltas = [e]
        for h, W in zip(inputs[:0:-1], self.W[:0:-1], strict=True):
            deltas.insert(0, deltas[0] @ W.T * (1 - h**2))
        return deltas[:-1]

    def update(self, x, labels, feedback: str) -> None:
        inputs, e = self.forward(x)
        e[np.arange(len(labels)), labels] -= 1
        e /= len(labels)
        hidden = self.shared(inputs, e) if feedback == "shared" else self.backprop(inputs, e)
        for i, (below, delta) in enumerate(zip(inputs, [*hidden, e], strict=True)):
            self.W[i] -= RATE * below.T @ delta
            self.c[i] -= RATE * delta.sum(0)

    def cosines(self, x, labels) -> list[float]:
        """Of the two signals, layer by layer; 1: they point the same way."""
        inputs, e = self.forward(x)
        e[np.arange(len(labels)), labels] -= 1
        pairs = zip(self.shared(inputs, e), self.backprop(inputs, e), strict=True)
        return [float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in pairs]

    def accuracy(self, x, labels) -> float:
        return float((self.forward(x)[1].argmax(1) == labels).mean())


def flat(split) -> tuple[np.ndarray, np.ndarray]:
    return split.images.reshape(len(split.images), -1).astype(np.float32) / 255 - 0.5, split.labels


def train(network: Network, feedback: str, epochs: int, rng: np.random.Generator) -> float:
    """The share of the validation images that the trained network names rightly."""
    split, held_out = (flat(each) for each in data.split_train_validation(data.load("cifar10-mini")))
    x, labels = split
    for epoch in range(1, epochs + 1):
        for batch in np.split(rng.permutation(len(x)), np.arange(BATCH, len(x), BATCH)):
            network.update(x[batch], labels[batch], feedback)
        told = ", ".join(f"{each:.2f}" for each in network.cosines(x[:500], labels[:500]))
        print(f"epoch {epoch:2}  accuracy {network.accuracy(*held_out):.2%}  cosine {told}", flush=True)
    return network.accuracy(*held_out)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--feedback", choices=["shared", "backprop"], default="shared")
    arguments.add_argument("--epochs", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    rng = np.random.default_rng(given.seed)
    print(f"validation accuracy {train(Network(rng), given.feedback, given.epochs, rng):.2%}")


if __name__ == "__main__":
    main()
