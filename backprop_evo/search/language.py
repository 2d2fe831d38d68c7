"""What the brain needs of a language: equations to start from, to draw, to change, and to tell apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from backprop_evo.records.methods import MethodSpec


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method as the brain sees it, most often an equation: with the equation's canonical text (None for
    others) and the fingerprint of its behaviour. ``hopeless`` says why nothing below the classifier can learn
    by it, where that is known without training."""

    method: MethodSpec
    canonical: str | None
    fingerprint: str
    hopeless: str | None = None


class Language(Protocol):
    """Every method is a pure function; randomness comes from the generator handed in."""

    def backprop(self) -> Candidate:
        """Plain backpropagation."""

    def read(self, text: str) -> Candidate:
        """A feasible equation. Raises ``InvalidEquation``."""

    def identify(self, method: MethodSpec) -> Candidate:
        """Any method. Raises ``InvalidSettings``, and ``InvalidEquation`` for an equation that is none."""

    def components(self, equation: str) -> frozenset[Hashable]:
        """The different components that the value of an equation depends on."""

    def draw(self, generator: Random, weights: Mapping[Hashable, float] | None = None) -> Candidate:
        """A random feasible equation, uniform; or its components by their weights, 1 where none is named."""

    def vary(self, equation: str, generator: Random, partner: Callable[[], str]) -> tuple[Candidate, str]:
        """A feasible variation of the equation, and in words what was changed. ``partner`` selects a second
        parent, for operators that need one."""
