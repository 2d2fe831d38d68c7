"""What a training on sequences reports, while it runs and at its end. Without torch.

Bits are those of one character that had to be written or predicted, the mean over characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backprop_evo.records.states import TrialState


@dataclass(frozen=True, slots=True)
class SequencePoint:
    """Where a training stood after ``step`` windows.

    ``train_bits`` is the mean since the point before. ``length`` is the longest episode that was solved so
    far (copy, repeat-copy), ``validation_bits`` is of the text's middle part; None where there is none.
    """

    step: int
    train_bits: float
    length: int | None = None
    validation_bits: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceResult:
    """A training's end, completed or diverged. ``validation_bits`` is the lowest of the curve: early
    stopping. ``seconds`` are of the whole training, measurements included."""

    outcome: TrialState
    curve: tuple[SequencePoint, ...]
    seconds: float
    reason: str | None = None
    test_bits: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def length(self) -> int | None:
        """The longest episode that was solved; None where none was, and for text."""
        return self.curve[-1].length if self.curve else None

    @property
    def validation_bits(self) -> float | None:
        """None for tasks without a validation part."""
        measured = [point.validation_bits for point in self.curve if point.validation_bits is not None]
        return min(measured, default=None)
