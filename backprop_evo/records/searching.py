"""What a search is asked for, and the states that searches and trials pass through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.described import (
    PROBABILITY,
    Bounds,
    at_least,
    at_most,
    between,
    check,
    described,
    part,
    up_to,
)
from backprop_evo.records.funnel import Confirmation, Finalists, Transfer
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.nodes import LABELS_WANTED, are_labels
from backprop_evo.records.proposing import Operators, VocabularySpec
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.selecting import Selection
from backprop_evo.records.training import TrainSpec

MAX_START, MAX_EQUATION = 200, 1000
"""Each is read and probed before a search is accepted; no equation of three operations is that long."""

AUTOMATIC = "twice the slots that live"
"""What ``in_flight`` is where it is left open."""

OPEN_TRIALS = 1_000_000
"""The bound where a search has a budget and names none: its time ends before."""

MOST_NAMED = 100
"""Finalists of a search with a budget: half of what an evaluation may compare."""

MOST_BUDGET_S = 31_536_000
"""A year."""

PAPERS_POPULATION = 1000
"""N of the paper (appendix B), whose searches trained many thousand equations."""


def _is_distribution(weights: tuple[float, ...]) -> bool:
    return bool(weights) and all(w >= 0 for w in weights) and abs(sum(weights) - 1.0) < 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpec:
    """One search. Defaults of ``best_probability`` and ``mutations`` are the paper's (appendix B).

    ``trials`` counts different equations trained during the search (baseline and stages come on top).
    ``budget`` is the time in seconds for the search with all its stages; ``trials`` is then the most there
    may be. ``stop_after`` so many seconds on the wall clock from its start nothing more is proposed.
    Until a search is submitted with a budget, ``population_size`` and rungs may be open: they follow from
    its plan (``search.time_plan``).
    ``mutations[i]`` is the probability of i + 1 mutations. ``mutation_redraw`` says what is drawn again where
    a mutation drew what stood there already: "place" is that of searches from before there was a choice,
    which replay with it. ``products`` says which products of matrices are drawn: all that fit, or the "three"
    of searches from before there were more. ``start`` holds equation texts; after those, random equations
    fill up the start population of ``start_random``. ``lengths[i]`` is the probability that a random equation
    has i + 1 operations. ``in_flight`` trials are out with workers at a time; None:
    as many as keep the pool busy. ``strategy`` names how
    equations are proposed, as ``search.strategies`` has it. ``yardsticks`` are methods that are trained,
    confirmed and ranked beside plain backprop, and are never a parent. ``screening`` leaves equations
    untrained by which nothing below the classifier can learn. ``rates`` says which of a grid of relative
    steps an equation probes: all, or a mutated one those around its parent's best. ``finalists``,
    ``confirmation`` and ``transfer`` are the stages of its funnel.
    """

    name: str = described(
        help="What the search is called.",
        bounds=Bounds("1 to 200 characters", lambda name: 1 <= len(name.strip()) <= 200),
        usual=True,
    )
    seed: int = described(
        0,
        "Same seed and finishing order, same search.",
        bounds=Bounds("an integer from 0", lambda seed: 0 <= seed < 2**63),
        usual=True,
    )
    budget: float | None = described(
        None,
        "Time for the search and all its stages, such as 2h, 90m or 1h30m; trials is then only a bound.",
        label="Time in all",
        unset="none: trials decides",
        bounds=between(1, MOST_BUDGET_S),
        time=True,
        usual=True,
    )
    stop_after: float | None = described(
        None,
        "Propose nothing more so long after the start, such as 8h, pauses among it; the stages follow.",
        label="Stop after",
        unset="none",
        bounds=between(1, MOST_BUDGET_S),
        time=True,
    )
    trials: int = described(
        100,
        "Different equations to train; backprop and the stages of the funnel come on top. With a budget: at "
        "most so many, and as many as fit where none is named.",
        label="Equations to train",
        bounds=between(1, 10_000_000),
        usual=True,
    )
    population_size: int | None = described(
        None,
        f"Parents mostly come from so many best (aging: latest); a share is 2 to {PAPERS_POPULATION}.",
        panel="Proposals",
        unset="a fifth of the trials",
        bounds=at_least(1),
        limit=at_most(100_000),
    )
    best_probability: float = described(
        0.7,
        "Probability that a parent is one of these best.",
        panel="Proposals",
        bounds=PROBABILITY,
    )
    mutations: tuple[float, ...] = described(
        (1.0,),
        "Probabilities of 1, 2, … mutations of a parent.",
        panel="Proposals",
        bounds=Bounds("non-negative probabilities that sum to 1", _is_distribution),
        limit=up_to(100),
    )
    mutation_redraw: Literal["replacement", "place"] = described(
        "replacement",
        "What is drawn again where a mutation changed nothing; place is that of early searches.",
        panel="Proposals",
    )
    products: Literal["all", "three"] = described(
        "all",
        "Products of matrices that are drawn: all that fit, or the three of early searches.",
        panel="Proposals",
    )
    start: tuple[str, ...] = described(
        (),
        "Equations to start from.",
        label="Start equations",
        unset="none",
        limit=Bounds(
            f"at most {MAX_START} equations of at most {MAX_EQUATION} characters",
            lambda start: len(start) <= MAX_START and all(len(each) <= MAX_EQUATION for each in start),
        ),
        lines=True,
        usual=True,
    )
    start_random: int = described(
        16,
        "Random equations to start with.",
        panel="Proposals",
        bounds=at_least(0),
        limit=at_most(100_000),
    )
    lengths: tuple[float, ...] = described(
        (0.4, 0.3, 0.3),
        "Probabilities of 1, 2 and 3 operations in a random equation.",
        panel="Proposals",
        bounds=Bounds(
            "up to 3 probabilities that sum to 1",
            lambda lengths: _is_distribution(lengths) and len(lengths) <= 3,
        ),
    )
    vocabulary: VocabularySpec = part(VocabularySpec, "Proposals", "vocabulary")
    operators: Operators = part(Operators, "Proposals")
    in_flight: int | None = described(
        None, "Trials out with workers at a time.", unset=AUTOMATIC, bounds=between(1, 100_000)
    )
    priority: int = described(
        1, "Share of the slots beside other searches: 2 gets twice what 1 gets.", bounds=between(1, 100)
    )
    labels: tuple[str, ...] = described(
        (),
        "Only nodes that carry all of these labels run it.",
        unset="any node",
        bounds=Bounds(LABELS_WANTED, are_labels),
    )
    strategy: str = described(
        "evolution", "How equations are proposed.", panel="Proposals", choices="strategies"
    )
    yardsticks: tuple[MethodSpec, ...] = described(
        (),
        "Methods trained and ranked beside plain backprop, never a parent: indirect-feedback, an equation.",
        unset="none",
        limit=up_to(50, "methods"),
        lines=True,
    )
    screening: bool = described(
        True,
        "Leave out, before any training, what cannot learn; the paper did not.",
        panel="Early stopping",
    )
    rates: Literal["grid", "inherited"] = described(
        "grid",
        "Relative steps to probe: the whole grid, or for a mutated equation its parent's best and its "
        "neighbours.",
        panel="Early stopping",
    )
    selection: Selection = part(Selection, "Proposals")
    pruner: PrunerSpec = part(PrunerSpec, "Early stopping", "pruner")
    train: TrainSpec = part(TrainSpec, "Training")
    finalists: Finalists = part(Finalists, "Funnel", "finalists")
    confirmation: Confirmation = part(Confirmation, "Funnel", "confirm")
    transfer: Transfer = part(Transfer, "Funnel", "transfer")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Those that its trainings use; its stages may use others."""
        return (self.train.data,)

    @property
    def best_size(self) -> int:
        """N: so many of the best are parents apart from the rest; by aging, so many of the latest. A share of
        the trials that were asked for, whatever was added since, so that an extended search replays."""
        if self.population_size is not None:
            return self.population_size
        return min(PAPERS_POPULATION, max(2, self.trials // 5))

    @property
    def most_finalists(self) -> int:
        """So many of the best are named for the first stage; with a budget more than are asked for, as the
        time that is left decides how many are taken."""
        best = self.finalists.best or self.confirmation.best
        return best if self.budget is None or best == 0 else max(best, MOST_NAMED)

    @property
    def first_trials(self) -> int:
        """So many trainings there are before any parent is needed, at least one."""
        return max(1, min(self.trials, len(self.start) + self.start_random))

    def __post_init__(self) -> None:
        check(self)
        beyond = self.operators.beyond_the_paper
        for name, ok, want in (
            ("start_random", bool(self.start) or self.start_random >= 1, "at least 1 where start is empty"),
            (
                "operators",
                all(p >= 0 for p in beyond) and sum(beyond) <= 1,
                "non-negative probabilities that sum to at most 1",
            ),
            (
                "train.evaluate_test",
                not self.train.evaluate_test,
                "false: a search never reads the test split",
            ),
            (
                "train.train_on",
                self.train.train_on == "train",
                "train: a search measures on the validation images",
            ),
        ):
            if not ok:
                raise InvalidSettings(f"{name} must be {want}", field=name)


class Purpose(StrEnum):
    """Why a trial is trained; those of the search itself and remeasurements count against its budget. An
    evaluation reads the test split where it was asked to; no other does. Confirmations are those
    of searches from before they ordered an evaluation."""

    SEARCH = "search"
    BASELINE = "baseline"
    YARDSTICK = "yardstick"
    REMEASUREMENT = "remeasurement"
    CONFIRMATION = "confirmation"
    EVALUATION = "evaluation"
