"""Synthetic gradients in numpy: three layers, none of which waits for the error from above.

A layer is updated the moment it has its output: its own small model M, one matrix, predicts from that output
what gradient will come back. Later the layer above says what gradient it would have sent, itself by a
prediction, and M learns from the difference. Only the last layer ever sees a label.

    python examples/synthetic_gradients_numpy.py

The task is to add two numbers of eight bits, both as bits: 16 inputs, 8 outputs, layers 16-64-32-8, sigmoid,
100 examples, batches of 10, rate 0.01. It takes five minutes to read.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np

WIDTHS = (16, 64, 32, 8)
EXAMPLES, BATCH, RATE = 100, 10, 0.01


def sums(count: int, bits: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(count, 2·bits) → (count, bits): each addend below 2^(bits − 1), so that the sum fits."""
    left, right = rng.integers(0, 2 ** (bits - 1), (2, count))
    places = 2 ** np.arange(bits)[::-1]
    as_bits = [(number[:, None] // places % 2).astype(float) for number in (left, right, left + right)]
    return np.hstack(as_bits[:2]), as_bits[2]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class Layer:
    """One layer with the model M of the gradient at its output. M starts at zero: it sends nothing."""

    def __init__(self, size_in: int, size_out: int, rng: np.random.Generator) -> None:
        self.W = rng.uniform(-1, 1, (size_in, size_out))
        self.M = np.zeros((size_out, size_out))

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x, self.out = x, sigmoid(x @ self.W)
        return self.out

    def update_by_own_prediction(self) -> np.ndarray:
        """Updates the layer at once; what it would send down, for the M of the layer below to learn from."""
        self.predicted = self.out @ self.M
        return self.update(self.predicted)

    def update(self, gradient: np.ndarray) -> np.ndarray:
        """By the loss gradient at its output."""
        before_sigmoid = gradient * self.out * (1 - self.out)
        # Sent down through the weights of this pass, as backprop has it: before they change.
        sent = before_sigmoid @ self.W.T
        self.W -= RATE * self.x.T @ before_sigmoid
        return sent

    def teach(self, arrived: np.ndarray) -> None:
        """M learns from the gradient that came from above."""
        # The mean over the batch: the sum, at this rate and 64 outputs of one sign, would overshoot.
        self.M -= RATE * self.out.T @ (self.predicted - arrived) / len(arrived)


def learn_batch(layers: list[Layer], x: np.ndarray, y: np.ndarray) -> float:
    """One step of all layers; the mean absolute error of the batch before it."""
    *hidden, last = layers
    sent = []
    for layer in hidden:
        x = layer.forward(x)
        # Nothing above has been computed yet, and the layer is done.
        sent.append(layer.update_by_own_prediction())
    error = last.forward(x) - y
    sent.append(last.update(error))
    for layer, arrived in zip(hidden, sent[1:], strict=True):
        layer.teach(arrived)
    return float(np.abs(error).mean())


def train(epochs: int, seed: int, *, every: int = 0) -> list[float]:
    """The mean error of each epoch."""
    rng = np.random.default_rng(seed)
    x, y = sums(EXAMPLES, WIDTHS[-1], rng)
    layers = [Layer(a, b, rng) for a, b in pairwise(WIDTHS)]
    errors = []
    for epoch in range(1, epochs + 1):
        order = rng.permutation(EXAMPLES).reshape(-1, BATCH)
        errors.append(float(np.mean([learn_batch(layers, x[batch], y[batch]) for batch in order])))
        if every and epoch % every == 0:
            print(f"epoch {epoch:5}  mean error of a bit {errors[-1]:.3f}", flush=True)
    return errors


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    train(given.epochs, given.seed, every=max(1, given.epochs // 10))


if __name__ == "__main__":
    main()
