"""What a search may propose: the subset of the language it draws from, and how it varies a parent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backprop_evo.records.described import Bounds, described, up_to

MAX_CONSTANTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularySpec:
    """The subset of the language a search may use; None means all of it.

    ``constants`` replaces the grid of a unary function: ``{"scale": (0.1, 3.0)}``.
    """

    operands: tuple[str, ...] | None = described(
        None, "Use these operands, such as g, h.", unset="all", limit=up_to(500, "names")
    )
    unaries: tuple[str, ...] | None = described(
        None, "Use these unary functions, such as identity, clip.", unset="all", limit=up_to(500, "names")
    )
    binaries: tuple[str, ...] | None = described(
        None, "Use these binary functions, such as add, multiply.", unset="all", limit=up_to(500, "names")
    )
    constants: Mapping[str, tuple[float, ...]] | None = described(
        None,
        "The constants of a unary function, such as scale=0.1,3.",
        unset="the language's",
        limit=Bounds(
            f"at most {MAX_CONSTANTS:,} constants",
            lambda constants: sum(len(each) for each in constants.values()) <= MAX_CONSTANTS,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The probability of each operator beyond the paper's, by which a parent is varied; else it is
    mutated."""

    change_length: float = described(0.0, "Probability that an operation is added or removed.")
    mutate_constant: float = described(0.0, "Probability that a constant is changed.")
    crossover: float = described(0.0, "Probability that two parents are crossed.")

    @property
    def beyond_the_paper(self) -> tuple[float, float, float]:
        """(change_length, mutate_constant, crossover), in the order in which they are drawn."""
        return self.change_length, self.mutate_constant, self.crossover
