"""A recurrent network in windows of three time steps, by your own loop: what a synthetic gradient adds.

The network reads some symbols and has to write them again, later than a window reaches back. Truncated BPTT
cannot know then what was worth remembering; a small model, which predicts the gradient from beyond the
window's end, can tell. Nothing is downloaded.

    python examples/recurrent_synthetic_gradients.py
    python examples/recurrent_synthetic_gradients.py --method bptt

The same from the command line: backprop-evo sequence dni --task copy --truncation 3 --compare bptt
"""

from __future__ import annotations

import argparse

import torch

from backprop_evo.training.sequences.episodes import Curriculum, Episodes
from backprop_evo.training.sequences.future import Future, Nothing, PredictedFuture
from backprop_evo.training.sequences.learner import WindowLearner
from backprop_evo.training.sequences.network import SequenceNetwork

BATCH, SYMBOLS, UNITS, WINDOW = 32, 2, 32, 3


def future_of(method: str, network: SequenceNetwork) -> Future:
    if method == "bptt":
        return Nothing()
    generator = torch.Generator().manual_seed(0)
    return PredictedFuture(
        network.state_size, hidden_layers=1, width=128, rate=0.001, scale=1.0, generator=generator
    )


def train(method: str, windows: int) -> int | None:
    """The longest episode that was solved."""
    torch.manual_seed(0)
    curriculum = Curriculum(repeats=False, batch_size=BATCH)
    episodes = Episodes(SYMBOLS, BATCH, curriculum, torch.Generator().manual_seed(0))
    network = SequenceNetwork(episodes.inputs, UNITS, episodes.outputs)
    learner = WindowLearner(network, future_of(method, network), network.empty_state(BATCH))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for number in range(1, windows + 1):
        window = episodes.next(WINDOW)
        optimizer.zero_grad()
        loss = learner.learn(window)
        optimizer.step()
        # The curriculum counts bits, of all sequences together.
        bits = float(loss) * BATCH / torch.log(torch.tensor(2.0)).item()
        episodes.hear(bits, int(window.counted_BT.sum()))
        if number % max(1, windows // 10) == 0:
            print(f"window {number:5}  length {curriculum.length}, solved {curriculum.solved}", flush=True)
    return curriculum.solved


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--method", choices=["dni", "bptt"], default="dni")
    arguments.add_argument("--windows", type=int, default=5000)
    given = arguments.parse_args()
    print(f"longest episode solved: {train(given.method, given.windows)}")


if __name__ == "__main__":
    main()
