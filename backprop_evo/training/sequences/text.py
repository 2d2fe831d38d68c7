"""A text that every Python has with it, as a task: predict the next character.

The text is the help on Python's own syntax and topics (``pydoc_data.topics``), some 465,000 characters. It
grows with Python, so that bits per character are compared within one version only; ``described`` says which
text it was. The first nine tenths train, the next twentieth validates, the last is for the end.

Shapes: B sequence, T time step, K character of the alphabet.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from backprop_evo.errors import Unavailable
from backprop_evo.training.sequences.windows import Window

Part = Literal["train", "validation", "test"]
#: Where each part of the text begins and ends.
_SHARES: dict[Part, tuple[float, float]] = {
    "train": (0.0, 0.9),
    "validation": (0.9, 0.95),
    "test": (0.95, 1.0),
}


@dataclass(frozen=True, slots=True)
class Text:
    """Characters by their number in an alphabet of ``alphabet`` characters."""

    numbers: Tensor
    alphabet: int
    described: str

    def part(self, part: Part) -> Tensor:
        """(characters,)."""
        start, end = (round(share * len(self.numbers)) for share in _SHARES[part])
        return self.numbers[start:end]


def python_topics() -> Text:
    """Raises Unavailable for a Python that was installed without its help."""
    try:
        from pydoc_data.topics import topics  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise Unavailable(
            "this Python has no help on its topics (pydoc_data.topics), which is the text to learn",
            hint="install Python's standard library whole, or choose --task copy",
        ) from None
    return text_of("\n".join(topics[name] for name in sorted(topics)), f"Python {platform.python_version()}")


def text_of(characters: str, origin: str) -> Text:
    """Any text; its alphabet is every character that it has."""
    places = {character: place for place, character in enumerate(sorted(set(characters)))}
    numbers = torch.tensor([places[character] for character in characters])
    digest = hashlib.sha256(characters.encode()).hexdigest()[:12]
    return Text(numbers, len(places), f"{origin}, {len(characters)} characters, sha256 {digest}")


class TextStream:
    """B places of one part of the text, read on side by side, from its beginning again at the end."""

    def __init__(self, text: Text, part: Part, batch_size: int, dtype: torch.dtype = torch.float32) -> None:
        numbers = text.part(part)
        # One more: the last character of a row is only predicted.
        rows = (len(numbers) - 1) // batch_size
        self._alphabet = text.alphabet
        self._read_BC = numbers[: rows * batch_size].view(batch_size, rows)
        self._next_BC = numbers[1 : rows * batch_size + 1].view(batch_size, rows)
        self._place = 0
        self._dtype = dtype

    @property
    def inputs(self) -> int:
        """The alphabet."""
        return self._alphabet

    @property
    def outputs(self) -> int:
        """The same."""
        return self._alphabet

    @property
    def length(self) -> int:
        """Characters of each of the B rows."""
        return self._read_BC.shape[1]

    def next(self, length: int) -> Window:
        """Fewer characters than asked for at the end of the text."""
        if self._place >= self.length:
            self._place = 0
        here = slice(self._place, self._place + length)
        self._place += length
        return self._window(here)

    def once(self, length: int) -> Iterator[Window]:
        """All of it, in windows of ``length``, the last perhaps shorter."""
        for start in range(0, self.length, length):
            yield self._window(slice(start, start + length))

    def hear(self, bits: float, characters: int) -> None:
        """A text is what it is."""

    def _window(self, here: slice) -> Window:
        targets_BT = self._next_BC[:, here]
        return Window(
            F.one_hot(self._read_BC[:, here], self.inputs).to(self._dtype),
            targets_BT,
            torch.ones(targets_BT.shape, dtype=self._dtype),
        )
