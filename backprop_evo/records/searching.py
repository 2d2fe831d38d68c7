"""What a search is asked for, and the states that searches and trials pass through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Literal, get_args

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.training import TrainSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularySpec:
    """The subset of the language a search may use; None means all of it.

    ``constants`` replaces the grid of a unary function: ``{"scale": (0.1, 3.0)}``.
    """

    operands: tuple[str, ...] | None = None
    unaries: tuple[str, ...] | None = None
    binaries: tuple[str, ...] | None = None
    constants: Mapping[str, tuple[float, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The probability of each operator beyond the paper's, by which a parent is varied; else it is
    mutated."""

    change_length: float = 0.0
    mutate_constant: float = 0.0
    crossover: float = 0.0

    @property
    def beyond_the_paper(self) -> tuple[float, float, float]:
        return self.change_length, self.mutate_constant, self.crossover


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Re-running the ``best`` equations, and plain backprop, with ``seeds`` new seeds, then the test split
    once."""

    best: int = 1
    seeds: int = 3


SignalName = Literal["train_loss", "validation_accuracy"]
MAX_RUNGS = 32
"""A rung costs an evaluation and a transaction; a training that has more of them measures more than it
trains.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunerSpec:
    """Who goes on after a short training: ``name`` as ``search.pruners`` has it.

    A training is measured after each of ``rungs`` (steps) and judged by ``signal`` against the search's other
    trials at the same rung, once ``min_trials`` of them were measured there.
    """

    name: str = "none"
    rungs: tuple[int, ...] = ()
    signal: SignalName = "train_loss"
    min_trials: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpec:
    """One search. Defaults of ``population_size``, ``best_probability`` and ``mutations`` are the paper's
    (appendix B).

    ``trials`` counts different equations trained during the search (baseline and confirmation come on top).
    ``mutations[i]`` is the probability of i + 1 mutations. ``mutation_redraw`` says what is drawn again where
    a mutation drew what stood there already: "place" is that of searches from before there was a choice,
    which replay with it. ``start`` holds equation texts; after those, random equations fill up the start
    population of ``start_random``. ``lengths[i]`` is the probability that a random equation has i + 1
    operations. ``in_flight`` trials are out with workers at a time. ``strategy`` names how equations are
    proposed, as ``search.strategies`` has it. ``yardsticks`` are methods that are trained, confirmed and
    ranked beside plain backprop, and are never a parent.
    """

    name: str
    seed: int = 0
    trials: int = 100
    population_size: int = 1000
    best_probability: float = 0.7
    mutations: tuple[float, ...] = (1.0,)
    mutation_redraw: Literal["replacement", "place"] = "replacement"
    start: tuple[str, ...] = ()
    start_random: int = 16
    lengths: tuple[float, ...] = (1.0, 0.0, 0.0)
    vocabulary: VocabularySpec = field(default_factory=VocabularySpec)
    operators: Operators = field(default_factory=Operators)
    in_flight: int = 2
    strategy: str = "evolution"
    yardsticks: tuple[MethodSpec, ...] = ()
    pruner: PrunerSpec = field(default_factory=PrunerSpec)
    train: TrainSpec = field(default_factory=TrainSpec)
    confirmation: Confirmation = field(default_factory=Confirmation)

    def __post_init__(self) -> None:
        for name, ok, want in (
            ("name", 1 <= len(self.name.strip()) <= 200, "1 to 200 characters"),
            ("seed", 0 <= self.seed < 2**63, "an integer from 0"),
            ("trials", 1 <= self.trials <= 10_000_000, "at least 1"),
            ("population_size", self.population_size >= 1, "at least 1"),
            ("best_probability", 0 <= self.best_probability <= 1, "a probability"),
            ("mutations", _is_distribution(self.mutations), "non-negative probabilities that sum to 1"),
            ("mutation_redraw", self.mutation_redraw in ("replacement", "place"), "replacement or place"),
            ("start_random", self.start_random >= 0, "at least 0"),
            ("start_random", bool(self.start) or self.start_random >= 1, "at least 1 where start is empty"),
            (
                "lengths",
                _is_distribution(self.lengths) and len(self.lengths) <= 3,
                "up to 3 probabilities that sum to 1",
            ),
            (
                "operators",
                all(p >= 0 for p in self.operators.beyond_the_paper)
                and sum(self.operators.beyond_the_paper) <= 1,
                "non-negative probabilities that sum to at most 1",
            ),
            ("in_flight", 1 <= self.in_flight <= 100_000, "at least 1"),
            ("confirmation.best", self.confirmation.best >= 0, "at least 0"),
            ("confirmation.seeds", self.confirmation.seeds >= 1, "at least 1"),
            (
                "pruner.rungs",
                len(self.pruner.rungs) <= MAX_RUNGS
                and all(step >= 1 for step in self.pruner.rungs)
                and all(low < high for low, high in pairwise(self.pruner.rungs)),
                f"up to {MAX_RUNGS} rising numbers of steps",
            ),
            (
                "pruner.signal",
                self.pruner.signal in get_args(SignalName),
                "train_loss or validation_accuracy",
            ),
            ("pruner.min_trials", self.pruner.min_trials >= 1, "at least 1"),
            (
                "train.evaluate_test",
                not self.train.evaluate_test,
                "false: a search never reads the test split",
            ),
        ):
            if not ok:
                raise InvalidSettings(f"{name} must be {want}", field=name)


def _is_distribution(weights: tuple[float, ...]) -> bool:
    return bool(weights) and all(w >= 0 for w in weights) and abs(sum(weights) - 1.0) < 1e-9


class Purpose(StrEnum):
    """Why a trial is trained. A confirmation reads the test split, an evaluation where it was asked to; no
    other does."""

    SEARCH = "search"
    BASELINE = "baseline"
    YARDSTICK = "yardstick"
    CONFIRMATION = "confirmation"
    EVALUATION = "evaluation"
