"""The brain of one search: finished trials in, decisions out. No I/O, no clock, no global randomness.

A ``Brain`` is rebuilt from stored rows by adding the same things that it learned while it lived: individuals
in the order of their numbers, each after the finishes that its proposer knew. What it decides next depends on
nothing else. What it proposes is the strategy's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime

from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import FinishRecord, IndividualRecord, Origin, TrialRecord
from backprop_evo.search.behaviours import Behaviours
from backprop_evo.search.budget import LEAST_IN_FLIGHT, Budget
from backprop_evo.search.decisions import MAX_PROPOSALS_AT_ONCE, Decisions
from backprop_evo.search.fruitless import NO_FITNESS, Fruitless
from backprop_evo.search.inherited_rates import InheritedRates
from backprop_evo.search.language import Language
from backprop_evo.search.randomness import generator_of_proposal, training_seed
from backprop_evo.search.remeasuring import measured_again
from backprop_evo.search.strategies import Known, Proposal, strategy

BASELINE = 0


class Brain:
    """Everything the brain knows of a search."""

    def __init__(self, search_id: str, spec: SearchSpec, language: Language) -> None:
        self.search_id = search_id
        self.spec = spec
        self.finishes_known = 0
        self.retries_known = 0
        self.in_flight = spec.in_flight or LEAST_IN_FLIGHT
        self._language = language
        self._strategy = strategy(spec.strategy)
        self._individuals: list[IndividualRecord] = []
        self._behaviours = Behaviours(spec, self._is_measure)
        self._budget = Budget()
        self._fruitless = Fruitless()
        self._rates = InheritedRates(spec)
        self._waiting: deque[str] = deque()
        self._injected = 0

    @property
    def trials_sent(self) -> int:
        """Of the search itself, without those that were screened out."""
        return self._budget.search_sent

    @property
    def trials_out(self) -> int:
        """Sent to workers and without an end."""
        return self._budget.out

    @property
    def injections_known(self) -> int:
        """Equations that somebody put in: proposed, or waiting for it."""
        return self._injected + len(self._waiting)

    # -- learning -------------------------------------------------------------------------------------------

    def observe(self, finish: FinishRecord) -> None:
        """Take in one finished trial; they come in finish order."""
        # A gap would make a decision that a replay cannot repeat.
        if finish.finish_order != self.finishes_known + 1:
            raise ValueError(f"finish {finish.finish_order} after {self.finishes_known}")
        self.finishes_known = finish.finish_order
        self._budget.finished(finish.trial_id, finish.purpose, finish.state)
        if finish.purpose is Purpose.SEARCH:
            self._fruitless.ended(finish.state)
        # Searches of before confirmed by trials of their own, which have their places in the finish order.
        if finish.purpose is Purpose.CONFIRMATION:
            return
        individual = self._individuals[finish.individual]
        if self._behaviours.heard(individual, finish) and individual.remeasures is None:
            self._rates.heard(finish)

    def add(self, individual: IndividualRecord) -> None:
        """Take in one proposal, own or stored; they come in the order of their numbers."""
        if individual.number != len(self._individuals):
            raise ValueError(f"individual {individual.number} after {len(self._individuals) - 1}")
        self._individuals.append(individual)
        self._behaviours.add(individual)
        if individual.origin is Origin.INJECTED:
            self._injected += 1
            # Rebuilt from rows, a brain hears only of those that still wait.
            if self._waiting:
                self._waiting.popleft()
        trained = _is_trained(individual)
        if trained:
            self._budget.sent(self._trial_id(individual.number), self._purpose(individual.number))
        # A vocabulary may be exhausted while its best are measured again.
        if individual.remeasures is None:
            screened_out = individual.screened_out is not None
            self._fruitless.proposed(trained=trained, screened_out=screened_out)

    def inject(self, equations: Iterable[str]) -> None:
        """Equations that somebody put in. They are proposed after the start and before anything else, in this
        order; their numbers are their recorded place, at which a replay puts them in again."""
        self._waiting.extend(equations)

    def reopen(self, trial_ids: Iterable[str]) -> None:
        """Trials that ended and that somebody asked for again: they occupy slots, and no search ends before
        they have."""
        self._budget.reopened(trial_ids)

    # -- deciding -------------------------------------------------------------------------------------------

    def decide(self, state: SearchState, trials: int, *, now: datetime) -> Decisions:
        """Fill the free slots. ``trials`` is the present budget of search trials."""
        # Stopping waits for what runs: its results were paid for.
        if state is SearchState.STOPPING and self._budget.out == 0:
            return Decisions(end=SearchState.STOPPED)
        if state is not SearchState.RUNNING:
            return Decisions()
        individuals, new = self._propose(trials, now)
        more = len(individuals) == MAX_PROPOSALS_AT_ONCE
        # The best are known only when nothing is out: confirming earlier would confirm others.
        if more or not self._is_explored(trials):
            return Decisions(individuals=individuals, trials=new, more=more)
        reason = self._fruitless.reason if self._budget.search_sent < trials else None
        if reason is None and not self._behaviours.has_fitness:
            reason = NO_FITNESS
        end = SearchState.COMPLETED
        return Decisions(individuals=individuals, finalists=self._finalists(), end=end, reason=reason)

    def _propose(
        self, trials: int, now: datetime
    ) -> tuple[tuple[IndividualRecord, ...], tuple[TrialRecord, ...]]:
        individuals: list[IndividualRecord] = []
        new: list[TrialRecord] = []
        while len(individuals) < MAX_PROPOSALS_AT_ONCE and self._may_propose(trials):
            individual = self.propose(now=now)
            self.add(individual)
            individuals.append(individual)
            if _is_trained(individual):
                new.append(self._trial(individual, now))
        return tuple(individuals), tuple(new)

    def _may_propose(self, trials: int) -> bool:
        if self._budget.out >= self.in_flight:
            return False
        # The first proposal is plain backprop, which even a search of no trials needs to be compared with.
        if not self._individuals:
            return True
        if self._budget.search_sent >= trials:
            return False
        if self._injects_next:
            return True
        if self._fruitless.reason is not None:
            return False
        return len(self._individuals) < self._starts or not self._strategy.must_wait(self._known())

    @property
    def _starts(self) -> int:
        """Proposals that are no strategy's: plain backprop, the yardsticks, the start equations."""
        return 1 + len(self.spec.yardsticks) + len(self.spec.start)

    def _is_measure(self, number: int) -> bool:
        """Whether the individual is there to be compared with: never a parent, never counted as found."""
        return number <= len(self.spec.yardsticks)

    def _equation_of(self, number: int) -> str:
        equation = self._individuals[number].method.equation
        assert equation is not None, "only equations become parents"
        return equation

    def _known(self) -> Known:
        return Known(
            spec=self.spec,
            language=self._language,
            population=self._behaviours.population,
            equation_of=self._equation_of,
            proposed=max(0, len(self._individuals) - self._starts - self._budget.again_sent - self._injected),
            out=self._budget.out,
        )

    def _is_explored(self, trials: int) -> bool:
        """True when no trial is to come or out, and the baseline is known."""
        is_fruitless = self._fruitless.reason is not None and not self._waiting
        nothing_to_come = self._budget.search_sent >= trials or is_fruitless
        return nothing_to_come and self._budget.out == 0

    def propose(self, *, now: datetime) -> IndividualRecord:
        """The next proposal, given what is known; nothing is taken in."""
        number = len(self._individuals)
        if not self._injects_next and (first := self._next_again()) is not None:
            again = self._individuals[first]
            return measured_again(again, number, finishes_known=self.finishes_known, now=now)
        proposal = self._next_proposal(number)
        candidate = proposal.candidate
        twin = self._behaviours.first_of(candidate.fingerprint)
        is_screened = self.spec.screening and twin is None and not self._is_measure(number)
        return IndividualRecord(
            search_id=self.search_id,
            number=number,
            origin=proposal.origin,
            method=candidate.method,
            canonical=candidate.canonical,
            fingerprint=candidate.fingerprint,
            parent=proposal.parent,
            twin=twin,
            mutation=proposal.mutation,
            finishes_known=self.finishes_known,
            created_at=now,
            screened_out=candidate.hopeless if is_screened else None,
            inherited_step=self._inherited_step(proposal.parent),
        )

    @property
    def _injects_next(self) -> bool:
        return bool(self._waiting) and len(self._individuals) >= self._starts

    def _next_again(self) -> int | None:
        """Who is measured again now: after the start, and while its share of the trials so far is not
        spent. The budget is not asked, which may grow."""
        most = self.spec.selection.remeasured * (self._budget.search_sent + 1)
        if len(self._individuals) < self._starts or self._budget.again_sent + 1 > most:
            return None
        if self._known().proposed < self.spec.start_random:
            return None
        return self._behaviours.next_again()

    def _inherited_step(self, parent: int | None) -> float | None:
        """A twin's rate is that of the first of its behaviour, as its fitness is."""
        if parent is None:
            return None
        first = self._behaviours.first_of(self._individuals[parent].fingerprint)
        return None if first is None else self._rates.of(first)

    def _next_proposal(self, number: int) -> Proposal:
        if number == BASELINE:
            return Proposal(origin=Origin.BASELINE, candidate=self._language.backprop())
        if self._is_measure(number):
            yardstick = self.spec.yardsticks[number - 1]
            return Proposal(origin=Origin.YARDSTICK, candidate=self._language.identify(yardstick))
        if number < self._starts:
            text = self.spec.start[number - len(self.spec.yardsticks) - 1]
            return Proposal(origin=Origin.START, candidate=self._language.read(text))
        if self._injects_next:
            return Proposal(origin=Origin.INJECTED, candidate=self._language.read(self._waiting[0]))
        return self._strategy.propose(self._known(), generator_of_proposal(self.spec.seed, number))

    def _purpose(self, number: int) -> Purpose:
        if number == BASELINE:
            return Purpose.BASELINE
        if self._individuals[number].remeasures is not None:
            return Purpose.REMEASUREMENT
        return Purpose.YARDSTICK if self._is_measure(number) else Purpose.SEARCH

    def _trial(self, individual: IndividualRecord, now: datetime) -> TrialRecord:
        sent = self._behaviours.of(individual.fingerprint).sent
        return TrialRecord(
            id=self._trial_id(individual.number),
            search_id=self.search_id,
            individual=individual.number,
            method=individual.method,
            fingerprint=individual.fingerprint,
            purpose=self._purpose(individual.number),
            spec=self._rates.train_spec(individual),
            seed=training_seed(self.spec.seed, sent - 1),
            state=TrialState.QUEUED,
            fence=0,
            created_at=now,
            queued_at=now,
        )

    def _finalists(self) -> tuple[MethodSpec, ...]:
        """The first individuals of the best behaviours, then the yardsticks; only those whose trial
        completed. None where nothing is to be confirmed."""
        best = self.spec.most_finalists
        if best == 0:
            return ()
        measures = self._individuals[1 : len(self.spec.yardsticks) + 1]
        yardsticks = [each.number for each in measures if self._has_fitness(each)]
        chosen = (*self._behaviours.finalists(best), *yardsticks)
        return tuple(self._individuals[number].method for number in chosen)

    def _has_fitness(self, individual: IndividualRecord) -> bool:
        """Whether its own trial completed."""
        return individual.twin is None and self._behaviours.of(individual.fingerprint).n > 0

    def _trial_id(self, number: int) -> str:
        """Derived, not drawn: deciding the same thing twice cannot store it twice."""
        return f"{self.search_id}.{number}"


def _is_trained(individual: IndividualRecord) -> bool:
    return individual.twin is None and individual.screened_out is None
