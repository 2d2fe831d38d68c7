"""The plan of an evaluation: finished trials in, trials for the free slots out. No I/O, no clock, no chance.

The order is fixed: all methods in all settings with the first seed, then with the second, so that a table is
balanced while it grows. Seeds that are added later come at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import FinishRecord, IndividualRecord, Origin, TrialRecord
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.budget import LEAST_IN_FLIGHT
from backprop_evo.search.decisions import MAX_PROPOSALS_AT_ONCE, Decisions
from backprop_evo.search.language import Candidate
from backprop_evo.search.search_language import identify_method


@dataclass(frozen=True, slots=True)
class Training:
    """One training of the plan: the number of its method among the rows, its setting's, its seed."""

    row: int
    setting: int
    seed: int
    train: TrainSpec

    def trial_id(self, evaluation_id: str) -> str:
        """Derived, not drawn: deciding the same thing twice cannot store it twice."""
        return f"{evaluation_id}.{self.row}s{self.setting}r{self.seed}"


def trainings(spec: EvaluationSpec, seeds: int) -> Iterator[Training]:
    """All of them, in the order in which they are sent."""
    trains = [replace(each.train, evaluate_test=spec.test) for each in spec.settings]
    for seed in range(spec.first_seed, spec.first_seed + seeds):
        for setting, train in enumerate(trains):
            for row in range(len(spec.rows)):
                yield Training(row, setting, seed, train)


class Plan:
    """What a controller knows of an evaluation, of which so many ``methods`` are stored as individuals.
    ``known`` are the ids of all trials that are stored."""

    def __init__(
        self,
        evaluation_id: str,
        spec: EvaluationSpec,
        *,
        methods: int = 0,
        known: Iterable[str] = (),
    ) -> None:
        self.evaluation_id = evaluation_id
        self.spec = spec
        self.finishes_known = 0
        self.retries_known = 0
        self.in_flight = spec.in_flight or LEAST_IN_FLIGHT
        self._methods = methods
        self._sent = set(known)
        self._out = set(self._sent)
        self._candidates: tuple[Candidate, ...] | None = None

    def observe(self, finish: FinishRecord) -> None:
        """Take in one finished trial; they come in finish order."""
        if finish.finish_order != self.finishes_known + 1:
            raise ValueError(f"finish {finish.finish_order} after {self.finishes_known}")
        self.finishes_known = finish.finish_order
        self._out.discard(finish.trial_id)

    def reopen(self, trial_ids: Iterable[str]) -> None:
        """Trials that ended and that somebody asked for again."""
        self._out.update(trial_ids)

    def decide(self, state: SearchState, trials: int, *, now: datetime) -> Decisions:
        """Fill the free slots. ``trials`` is how many trainings there are with the seeds of now."""
        if state is SearchState.STOPPING and not self._out:
            return Decisions(end=SearchState.STOPPED)
        if state is not SearchState.RUNNING:
            return Decisions()
        individuals = self._individuals(now)[self._methods :]
        self._methods += len(individuals)
        new = self._next_trials(trials, now)
        if new or self._out:
            more = len(new) == MAX_PROPOSALS_AT_ONCE
            return Decisions(individuals=individuals, trials=new, more=more)
        return Decisions(individuals=individuals, end=SearchState.COMPLETED)

    def _next_trials(self, trials: int, now: datetime) -> tuple[TrialRecord, ...]:
        free = min(self.in_flight - len(self._out), MAX_PROPOSALS_AT_ONCE, trials - len(self._sent))
        if free <= 0:
            return ()
        planned = trainings(self.spec, trials // self.spec.trainings_a_seed)
        unsent = (each for each in planned if each.trial_id(self.evaluation_id) not in self._sent)
        new = tuple(self._trial(each, now) for each in islice(unsent, free))
        self._sent.update(each.id for each in new)
        self._out.update(each.id for each in new)
        return new

    def _individuals(self, now: datetime) -> tuple[IndividualRecord, ...]:
        """Of all methods; those that a search has found since come last."""
        return tuple(
            IndividualRecord(
                search_id=self.evaluation_id,
                number=number,
                origin=Origin.EVALUATED,
                method=candidate.method,
                canonical=candidate.canonical,
                fingerprint=candidate.fingerprint,
                parent=None,
                twin=None,
                mutation=None,
                finishes_known=0,
                created_at=now,
            )
            for number, candidate in enumerate(self._identified())
        )

    def _identified(self) -> tuple[Candidate, ...]:
        if self._candidates is None:
            self._candidates = tuple(identify_method(each) for each in self.spec.rows)
        return self._candidates

    def _trial(self, training: Training, now: datetime) -> TrialRecord:
        candidate = self._identified()[training.row]
        return TrialRecord(
            id=training.trial_id(self.evaluation_id),
            search_id=self.evaluation_id,
            individual=training.row,
            method=candidate.method,
            fingerprint=candidate.fingerprint,
            purpose=Purpose.EVALUATION,
            spec=training.train,
            seed=training.seed,
            state=TrialState.QUEUED,
            fence=0,
            created_at=now,
            queued_at=now,
        )
