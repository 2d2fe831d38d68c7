"""A toy language and a toy cluster, so that the brain can be watched without equations, stores or workers."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.selecting import Selection
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import FinishRecord, IndividualRecord, TrialRecord
from backprop_evo.records.training import IntermediateValue, RelativeStepGrid
from backprop_evo.search.brain import Brain
from backprop_evo.search.decisions import Decisions
from backprop_evo.search.language import Candidate
from backprop_evo.search.replay import rebuild

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Words:
    """Equations are words of four letters; behaviour is which letters, not their order. Those of ``dead``
    letters alone are hopeless."""

    def __init__(self, letters: str = "abcdefghij", dead: str = "") -> None:
        self.letters, self.dead = letters, set(dead)

    def backprop(self) -> Candidate:
        return self.read(self.letters[0] * 4)

    def read(self, text: str) -> Candidate:
        behaviour = "".join(sorted(text))
        hopeless = "dead letters" if set(text) <= self.dead else None
        return Candidate(equation_method(text), behaviour, f"behaves like {behaviour}", hopeless)

    def identify(self, method: MethodSpec) -> Candidate:
        if method.equation is not None:
            return self.read(method.equation)
        return Candidate(method, None, f"is {method.name}")

    def components(self, equation: str) -> frozenset[Hashable]:
        return frozenset(equation)

    def draw(self, generator: Random, weights: Mapping[Hashable, float] | None = None) -> Candidate:
        of_letters = [(weights or {}).get(letter, 1.0) for letter in self.letters]
        return self.read("".join(generator.choices(self.letters, of_letters, k=4)))

    def vary(self, equation: str, generator: Random, _partner: object) -> tuple[Candidate, str]:
        place = generator.randrange(4)
        letter = generator.choice(self.letters)
        return self.read(equation[:place] + letter + equation[place + 1 :]), f"{place}: {letter}"


def accuracy_of(equation: str | None) -> float:
    """With structure: letters late in the alphabet are good; a method without an equation does well."""
    if equation is None:
        return 0.9
    return sum(ord(letter) - ord("a") for letter in equation) / 100


def best_step(trial: TrialRecord) -> float | None:
    """Of those that the trial may probe, by its equation: late letters want large steps."""
    grid = trial.spec.learning_rate
    if not isinstance(grid, RelativeStepGrid):
        return None
    wanted = 10 * accuracy_of(trial.method.equation)
    return min(grid.relative_steps, key=lambda step: abs(math.log(step / max(wanted, 1e-3))))


def pruned_value(trial: TrialRecord) -> IntermediateValue:
    """Where a pruner ended it: at one of two rungs, by its loss, which is low for late letters."""
    rung, loss = Random(trial.fingerprint).randrange(2), 2.0 - accuracy_of(trial.method.equation)
    return IntermediateValue(step=10 * (rung + 1), rung=rung, validation_accuracy=None, train_loss=loss)


@dataclass
class Cluster:
    """Trains what the brain decides, in the order a generator gives, and keeps every row."""

    spec: SearchSpec
    language: Words = field(default_factory=Words)
    order: Random = field(default_factory=lambda: Random(0))
    outcome: Callable[[TrialRecord], TrialState] = lambda _trial: TrialState.COMPLETED
    individuals: list[IndividualRecord] = field(default_factory=list)
    trials: list[TrialRecord] = field(default_factory=list)
    out: list[TrialRecord] = field(default_factory=list)
    finishes: list[FinishRecord] = field(default_factory=list)
    most_out: int = 0
    noise: float = 0.0
    end: Decisions | None = None

    def __post_init__(self) -> None:
        self.progress = Brain("s", self.spec, self.language)

    def step(self, state: SearchState = SearchState.RUNNING, trials: int | None = None) -> Decisions:
        """One decision, its trials sent out."""
        for finish in self.finishes[self.progress.finishes_known :]:
            self.progress.observe(finish)
        decisions = self.progress.decide(state, trials or self.spec.trials, now=NOW)
        self.individuals += decisions.individuals
        self.trials += decisions.trials
        self.out += decisions.trials
        self.most_out = max(self.most_out, len(self.out))
        if decisions.end is not None:
            self.end = decisions
        return decisions

    def finish_one(self) -> FinishRecord:
        """One of the trials that are out ends."""
        trial = self.out.pop(self.order.randrange(len(self.out)))
        state = self.outcome(trial)
        accuracy = self.measured(trial) if state is TrialState.COMPLETED else None
        # A pruner judges search trials alone; what a guard ended has no value that says so.
        pruned = state is TrialState.PRUNED and trial.purpose is Purpose.SEARCH
        pruned_at = pruned_value(trial) if pruned else None
        finish = FinishRecord(
            trial_id=trial.id,
            individual=trial.individual,
            purpose=trial.purpose,
            state=state,
            finish_order=len(self.finishes) + 1,
            validation_accuracy=accuracy,
            relative_step=None if accuracy is None and pruned_at is None else best_step(trial),
            pruned_at=pruned_at,
        )
        self.finishes.append(finish)
        return finish

    def measured(self, trial: TrialRecord) -> float:
        """With luck, which is another for every seed."""
        luck = Random(f"{trial.fingerprint} {trial.seed}").gauss(0, self.noise) if self.noise else 0.0
        return max(0.0, accuracy_of(trial.method.equation) + luck)

    def run(self, trials: int | None = None) -> Cluster:
        """To the end."""
        while self.step(trials=trials).end is None:
            for _ in range(self.order.randint(1, len(self.out)) if self.out else 0):
                self.finish_one()
        return self

    def killed_after(self, steps: int, heard: Callable[[int, int], int]) -> tuple[Decisions, Decisions]:
        """What a brain decides that lived through ``steps`` steps, and what one decides that is built from
        the rows of then. ``heard`` chooses, between two bounds, how many of the finishes both know."""
        for _ in range(steps):
            if self.step().end is not None:
                break
            if self.out:
                self.finish_one()
        known = heard(self.progress.finishes_known, len(self.finishes))
        for finish in self.finishes[self.progress.finishes_known : known]:
            self.progress.observe(finish)
        again = rebuild("s", self.spec, self.language, self.individuals, self.finishes[:known])
        lived = self.progress.decide(SearchState.RUNNING, self.spec.trials, now=NOW)
        return lived, again.decide(SearchState.RUNNING, self.spec.trials, now=NOW)

    def of(self, purpose: Purpose) -> list[TrialRecord]:
        """The trials sent out for one purpose."""
        return [trial for trial in self.trials if trial.purpose is purpose]


@pytest.fixture(scope="session")
def cluster() -> Callable[..., Cluster]:
    """Makes clusters: keyword arguments go into the spec, but ``letters``, ``dead``, ``shuffled``, ``noise``
    and ``ends`` (trial → state)."""

    def make(
        *,
        letters: str = "abcdefghij",
        dead: str = "",
        shuffled: int = 0,
        ends: Callable[[TrialRecord], TrialState] = lambda _trial: TrialState.COMPLETED,
        confirm: Iterable[int] = (1, 3),
        noise: float = 0.0,
        **options: Any,
    ) -> Cluster:
        best, seeds = confirm
        spec = SearchSpec(
            name="toy",
            trials=20,
            start_random=4,
            selection=Selection(remeasured=0),
            confirmation=Confirmation(best=best, seeds=seeds),
        )
        language = Words(letters, dead)
        return Cluster(replace(spec, **options), language, Random(shuffled), ends, noise=noise)

    return make
