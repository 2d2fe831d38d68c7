"""What measuring the best again is worth: ``python benchmarks/racing.py [searches]``.

Searches by the brain itself over a landscape that is made up, so that the true fitness of every equation is
known: with ``selection.remeasured`` = 0 and above it, over the same landscapes, as many trainings in each.
Noise and spread are those of the tables in ``docs/measurements.md``. No torch, no store.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from statistics import fmean, stdev

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.selecting import Selection
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import FinishRecord, TrialRecord
from backprop_evo.search.brain import Brain
from backprop_evo.search.language import Candidate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LETTERS, LENGTH = "abcdefghijklmnopqrst", 9
#: Validation accuracy in points: its mean over random equations that learn, its spread between them, and what
#: one training with one seed is off by (residual of the quiet measure, of the noisy one).
MEAN, BETWEEN = 30.0, 4.0
WITHIN = (1.4, 3.3)
#: Of the variance between equations this share belongs to no single component.
RUGGED = 0.3
TRIALS, SLOTS, FINALISTS = 120, 4, 3
SHARES = (0.0, 0.05, 0.1, 0.15, 0.25)


@dataclass
class Landscape:
    """Words of nine letters, one behaviour each: the sum of what each letter is worth at its place, and of
    what each pair of neighbours is worth together."""

    seed: int
    _worth: dict[str, float] = field(default_factory=dict)

    def backprop(self) -> Candidate:
        return self.read(LETTERS[0] * LENGTH)

    def read(self, text: str) -> Candidate:
        return Candidate(equation_method(text), text, text)

    def identify(self, _method: MethodSpec) -> Candidate:
        raise AssertionError("this search has no yardsticks")

    def components(self, equation: str) -> frozenset[Hashable]:
        return frozenset(enumerate(equation))

    def draw(self, generator: Random, _weights: Mapping[Hashable, float] | None = None) -> Candidate:
        return self.read("".join(generator.choices(LETTERS, k=LENGTH)))

    def vary(self, equation: str, generator: Random, _partner: Callable[[], str]) -> tuple[Candidate, str]:
        place = generator.randrange(LENGTH)
        letter = generator.choice(LETTERS)
        return self.read(equation[:place] + letter + equation[place + 1 :]), f"{place}: {letter}"

    def truth(self, equation: str) -> float:
        """Points of accuracy over infinitely many seeds."""
        alone = sum(self._draw(f"{place}{letter}") for place, letter in enumerate(equation))
        pairs = sum(self._draw(f"{place}{equation[place : place + 2]}") for place in range(LENGTH - 1))
        ruggedness = math.sqrt(RUGGED / (LENGTH - 1)) * pairs
        return MEAN + BETWEEN * (math.sqrt((1 - RUGGED) / LENGTH) * alone + ruggedness)

    def _draw(self, what: str) -> float:
        if what not in self._worth:
            self._worth[what] = Random(f"{self.seed} {what}").gauss()
        return self._worth[what]


def search(seed: int, selection: Selection, within: float) -> tuple[float, float, float]:
    """One search: the true fitness of its first finalist, the mean of all, and the best true fitness that it
    met."""
    language = Landscape(seed)
    spec = SearchSpec(
        name="racing",
        seed=seed,
        trials=TRIALS,
        in_flight=SLOTS,
        selection=selection,
        confirmation=Confirmation(best=FINALISTS),
    )
    brain, out, heard = Brain("s", spec, language), list[TrialRecord](), 0
    order, met = Random(seed), []
    while True:
        decisions = brain.decide(SearchState.RUNNING, TRIALS, now=NOW)
        if decisions.end is not None:
            truths = [language.truth(str(each.equation)) for each in decisions.finalists]
            return truths[0], fmean(truths), max(met)
        out += decisions.trials
        trial, heard = out.pop(order.randrange(len(out))), heard + 1
        truth = language.truth(str(trial.method.equation))
        met.append(truth)
        luck = Random(f"{seed} {trial.fingerprint} {trial.seed}").gauss(0, within)
        brain.observe(
            FinishRecord(
                trial_id=trial.id,
                individual=trial.individual,
                purpose=trial.purpose,
                state=TrialState.COMPLETED,
                finish_order=heard,
                validation_accuracy=max(0.0, truth + luck) / 100,
            )
        )


def interval(values: list[float]) -> str:
    """Mean with a 95 % interval of the mean."""
    return f"{fmean(values):+.2f} ± {1.96 * stdev(values) / math.sqrt(len(values)):.2f}"


def main(searches: int) -> None:
    print(f"{searches} landscapes, {TRIALS} trainings each; points of true fitness")
    print(
        "| noise of one training | share measured again | first finalist | mean of the finalists | best met |"
    )
    print("|---|---|---|---|---|")
    for within in WITHIN:
        plain = [search(seed, Selection(remeasured=0), within) for seed in range(searches)]
        mean = " | ".join(f"{fmean(column):.2f}" for column in zip(*plain, strict=True))
        print(f"| {within} | 0 | {mean} |")
        for share in SHARES[1:]:
            found = [search(seed, Selection(remeasured=share), within) for seed in range(searches)]
            apart = [
                [own[place] - other[place] for own, other in zip(found, plain, strict=True)]
                for place in range(3)
            ]
            print(f"| {within} | {share} | {' | '.join(map(interval, apart))} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
