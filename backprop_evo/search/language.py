"""What the brain needs of a language: equations to start from, to draw, to change, and to tell apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Candidate:
    """An equation as the brain sees it: text, canonical text, and the fingerprint of its behaviour."""

    equation: str
    canonical: str
    fingerprint: str


class Language(Protocol):
    """Every method is a pure function; randomness comes from the generator handed in."""

    def backprop(self) -> Candidate:
        """Plain backpropagation."""

    def read(self, text: str) -> Candidate:
        """A feasible equation. Raises ``InvalidEquation``."""

    def draw(self, generator: Random) -> Candidate:
        """A random feasible equation."""

    def vary(self, equation: str, generator: Random, partner: Callable[[], str]) -> tuple[Candidate, str]:
        """A feasible variation of the equation, and in words what was changed. ``partner`` selects a second
        parent, for operators that need one."""
