"""What a training on sequences is asked for, and the names that it understands. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.described import above_zero, between, check, described

SequenceMethod = Literal["bptt", "dni"]
"""Truncated backpropagation through time, and the same with a synthetic gradient at each window's end."""

TaskName = Literal["copy", "repeat-copy", "text"]

#: What each method does, for people.
METHODS: Mapping[SequenceMethod, str] = {
    "bptt": "truncated BPTT: no gradient comes from beyond a window",
    "dni": "synthetic gradients: a small model predicts what comes from beyond a window",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceSpec:
    """One way to train an LSTM on sequences: everything but the method and the seed.

    Raises InvalidSettings for a value out of its bounds.
    """

    task: TaskName = described("copy", "What is learnt: copy, repeat-copy, or the characters of a text.")
    truncation: int = described(5, "Time steps of a window, T.", bounds=between(1, 10_000))
    steps: int = described(5000, "Windows to train on, each with one update.", bounds=between(1, 100_000_000))
    units: int = described(256, "Units of the LSTM.", bounds=between(1, 65_536))
    batch_size: int = described(32, "Sequences side by side.", bounds=between(1, 100_000))
    rate: float = described(0.001, "Learning rate of the LSTM's Adam.", bounds=above_zero())
    symbols: int = described(
        2, "Different symbols in copy and repeat-copy; ending them is one more.", bounds=between(2, 1000)
    )
    hidden_layers: int = described(
        1, "Hidden layers of the model that predicts (dni), with ReLU; 0: one linear layer.",
        bounds=between(0, 16),
    )  # fmt: skip
    width: int = described(1024, "Units of such a hidden layer.", bounds=between(1, 65_536))
    predictor_rate: float = described(0.001, "Learning rate of that model's Adam.", bounds=above_zero())
    gradient_scale: float = described(
        0.1, "What a predicted gradient is multiplied by before it is used.", bounds=between(0, 100)
    )
    evaluate_test: bool = described(
        False, "Measure the last part of the text too, once, at the end.", name="test"
    )

    def __post_init__(self) -> None:
        check(self, "sequence.")


def sequence_method(name: str) -> SequenceMethod:
    """The method of that name. Raises InvalidSettings for any other, those of networks on images included."""
    for known in METHODS:
        if name == known:
            return known
    from backprop_evo.training.methods import declared

    if name in declared():
        raise InvalidSettings(
            f"{name} trains networks on images; sequences are trained by {' or '.join(METHODS)}",
            field="sequence.method",
            hint=f"backprop-evo train {name}",
        )
    raise InvalidSettings(
        f"no method for sequences is called {name!r}",
        field="sequence.method",
        hint="known: " + ", ".join(METHODS),
    )


def refuse_images(task: str) -> None:
    """Raises InvalidSettings for a task that is a data set of images."""
    from backprop_evo import data

    if task in data.names():
        raise InvalidSettings(
            f"{task} is a data set of images; sequences are {', '.join(get_args(TaskName))}",
            field="sequence.task",
            hint=f"backprop-evo train METHOD --data {task}",
        )


def refuse_sequences(method: str, data_name: str | None) -> None:
    """Raises InvalidSettings where a method or task of sequences is asked of networks on images."""
    if method.strip() == "bptt":
        raise InvalidSettings(
            "bptt trains recurrent networks on sequences, and train has networks on images",
            field="method.name",
            hint="backprop-evo sequence bptt --task copy",
        )
    if data_name in get_args(TaskName):
        raise InvalidSettings(
            f"{data_name} is a task of sequences, and train has networks on images",
            field="train.data",
            hint=f"backprop-evo sequence dni --task {data_name}",
        )
