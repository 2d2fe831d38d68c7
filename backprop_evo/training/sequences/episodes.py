"""Copy and repeat copy with their curriculum (Graves et al. 2014; as in Jaderberg et al. 2017).

In an episode the network reads N symbols and a mark, in repeat copy with a number R beside it, and has then
to write the symbols (R times) and an end. Episodes follow each other without a break, and windows are cut
across them. What is solved with less than 0.15 bits for a character becomes longer: N by one, or, in repeat
copy, N and R by one in turn. Lengths are told as published: N R + 3.

Shapes: B sequence, E time steps of an episode, I input.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from backprop_evo.training.sequences.windows import Window, joined

#: Bits for a character below which a length counts as solved (recalled from the paper).
SOLVED_BELOW = 0.15
#: Rounds of B episodes each by which a length is judged.
ROUNDS_JUDGED = 10
#: The number R is one input of the network: R times this.
REPEATS_UNIT = 0.1


@dataclass(slots=True)
class Curriculum:
    """How long episodes are now, and the longest that was solved."""

    repeats: bool
    batch_size: int
    level: int = 0
    solved: int | None = None
    _bits: float = 0.0
    _characters: int = 0

    @property
    def symbols(self) -> int:
        """N."""
        return self.level + 1 if not self.repeats else 1 + (self.level + 1) // 2

    @property
    def times(self) -> int:
        """R; 1 in copy."""
        return 1 if not self.repeats else 1 + self.level // 2

    @property
    def length(self) -> int:
        """Of an episode, as published."""
        return self.symbols * self.times + 3

    def hear(self, bits: float, characters: int) -> None:
        """Judges once enough characters have been written at this length, then begins to count anew."""
        self._bits += bits
        self._characters += characters
        written = self.symbols * self.times + 1
        if self._characters < ROUNDS_JUDGED * self.batch_size * written:
            return
        if self._bits / self._characters < SOLVED_BELOW:
            self.solved = self.length
            self.level += 1
        self._bits, self._characters = 0.0, 0


@dataclass(slots=True, eq=False)
class Episodes:
    """A stream of episodes drawn from ``generator``, as long as the curriculum has them."""

    kinds: int
    batch_size: int
    curriculum: Curriculum
    generator: torch.Generator
    dtype: torch.dtype = torch.float32
    _rest: list[Window] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """The symbols, the mark, R."""
        return self.kinds + 2

    @property
    def outputs(self) -> int:
        """The symbols, the end."""
        return self.kinds + 1

    def next(self, length: int) -> Window:
        """Episodes that begin within are as long as the curriculum has them at this moment."""
        while sum(each.length for each in self._rest) < length:
            self._rest.append(self.episode())
        everything = joined(self._rest)
        self._rest = [everything.cut(length, everything.length)]
        return everything.cut(0, length)

    def hear(self, bits: float, characters: int) -> None:
        """Tells the curriculum."""
        if characters:
            self.curriculum.hear(bits, characters)

    def episode(self) -> Window:
        """N + 1 steps of reading, N R + 1 of writing, during which there is nothing to read."""
        symbols, times = self.curriculum.symbols, self.curriculum.times
        read_BN = torch.randint(self.kinds, (self.batch_size, symbols), generator=self.generator)
        written = read_BN.repeat(1, times)
        x_BEI = torch.zeros(
            self.batch_size, symbols + 1 + written.shape[1] + 1, self.inputs, dtype=self.dtype
        )
        x_BEI[:, :symbols, : self.kinds] = F.one_hot(read_BN, self.kinds).to(self.dtype)
        x_BEI[:, symbols, self.kinds] = 1
        x_BEI[:, symbols, self.kinds + 1] = REPEATS_UNIT * times if self.curriculum.repeats else 0
        end = torch.full((self.batch_size, 1), self.kinds)
        unread = torch.zeros(self.batch_size, symbols + 1, dtype=torch.long)
        targets_BE = torch.cat([unread, written, end], 1)
        counted_BE: Tensor = torch.ones(targets_BE.shape, dtype=self.dtype)
        counted_BE[:, : symbols + 1] = 0
        return Window(x_BEI, targets_BE, counted_BE)
