"""How many proposals the brain makes a second, the language's share apart: ``python benchmarks/search.py``.

The language here costs nothing, so that what is left is selection, bookkeeping and the records.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from random import Random
from time import perf_counter

from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import FinishRecord
from backprop_evo.search.brain import Brain
from backprop_evo.search.language import Candidate
from backprop_evo.search.replay import rebuild

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Numbers:
    """Every equation is another number."""

    def __init__(self) -> None:
        self._next = 0

    def backprop(self) -> Candidate:
        return self.read("0")

    def read(self, text: str) -> Candidate:
        return Candidate(equation_method(text), text, text)

    def identify(self, _method: MethodSpec) -> Candidate:
        raise AssertionError("this search has no yardsticks")

    def components(self, equation: str) -> frozenset[Hashable]:
        return frozenset(equation)

    def draw(self, _generator: Random, _weights: Mapping[Hashable, float] | None = None) -> Candidate:
        self._next += 1
        return self.read(str(self._next))

    def vary(self, _equation: str, generator: Random, _partner: Callable[[], str]) -> tuple[Candidate, str]:
        return self.draw(generator), "another number"


def main() -> None:
    print(f"{'members':>10}{'proposals/s':>14}{'finishes/s':>14}{'rebuilt in s':>14}")
    for members in (1_000, 10_000, 100_000):
        spec = SearchSpec(name="bench", trials=10_000_000, in_flight=250, start_random=250)
        progress = Brain("s", spec, Numbers())
        proposing = hearing = 0.0
        generator = Random(0)
        individuals, finishes = [], []
        while len(finishes) < members:
            started = perf_counter()
            decisions = progress.decide(SearchState.RUNNING, spec.trials, now=NOW)
            proposed = perf_counter()
            news = [
                FinishRecord(
                    trial_id=trial.id,
                    individual=trial.individual,
                    purpose=trial.purpose,
                    state=TrialState.COMPLETED,
                    finish_order=len(finishes) + place,
                    validation_accuracy=generator.random(),
                )
                for place, trial in enumerate(decisions.trials, start=1)
            ]
            told = perf_counter()
            for finish in news:
                progress.observe(finish)
            hearing += perf_counter() - told
            proposing += proposed - started
            individuals += decisions.individuals
            finishes += news
        started = perf_counter()
        rebuild("s", spec, Numbers(), individuals, finishes)
        rebuilding = perf_counter() - started
        count = len(individuals)
        print(f"{count:10}{count / proposing:14,.0f}{count / hearing:14,.0f}{rebuilding:14.2f}")


if __name__ == "__main__":
    main()
