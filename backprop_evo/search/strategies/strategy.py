"""What a strategy is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Origin
from backprop_evo.search.language import Candidate, Language
from backprop_evo.search.population import Population


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known when the next equation is proposed.

    ``proposed`` counts the strategy's earlier proposals (baseline and start equations are none of them),
    ``out`` the trials that occupy a slot. ``equation_of`` gives an individual's text by its number.
    """

    spec: SearchSpec
    language: Language
    population: Population
    equation_of: Callable[[int], str]
    proposed: int
    out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An equation and where it comes from. ``mutation`` says in words what was changed in the parent."""

    origin: Origin
    candidate: Candidate
    parent: int | None = None
    mutation: str | None = None


class Strategy(Protocol):
    """Both methods are pure functions of their arguments: a search replays by calling them again.

    The brain itself proposes plain backprop first and then the spec's start equations; strategies come after.
    """

    @property
    def name(self) -> str:
        """As search specs have it."""

    @property
    def summary(self) -> str:
        """One line for people."""

    def must_wait(self, known: Known) -> bool:
        """True while only a trial that is out can bring what the next proposal needs."""

    def propose(self, known: Known, generator: Random) -> Proposal:
        """The next proposal; ``generator`` is its only randomness."""
