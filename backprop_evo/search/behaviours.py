"""The behaviours of a search: who showed each first, what was measured of it, and the population of them.

Individuals of equal fingerprint are one behaviour: they share all measurements, and one of them is a member.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import FinishRecord, IndividualRecord
from backprop_evo.search.finalists import in_order
from backprop_evo.search.measurements import NO_TRAINING, Measured, Measurements
from backprop_evo.search.population import Population
from backprop_evo.search.pruners import grade_at
from backprop_evo.search.remeasuring import next_of


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """``first`` is the number of the individual that was trained for it."""

    first: int
    measured: Measured


class Behaviours:
    """``is_measure`` says of an individual's number whether it is there to be compared with."""

    def __init__(self, spec: SearchSpec, is_measure: Callable[[int], bool]) -> None:
        self.population = Population(spec.best_size)
        self._spec = spec
        self._is_measure = is_measure
        self._measurements = Measurements()
        self._first_of: dict[str, int] = {}
        self._member_of: dict[str, int] = {}
        self._fingerprint_of: dict[int, str] = {}

    def first_of(self, fingerprint: str) -> int | None:
        """The number of the first individual of this behaviour; None for one that is new."""
        return self._first_of.get(fingerprint)

    def of(self, fingerprint: str) -> Measured:
        """What was measured of it."""
        return self._measurements.of(fingerprint)

    def add(self, individual: IndividualRecord) -> None:
        """One more proposal."""
        fingerprint = individual.fingerprint
        if individual.remeasures is not None:
            self.of(fingerprint).sent += 1
            return
        # A twin inherits the fitness of the first of its behaviour: it needs no trial.
        if individual.twin is None:
            self._first_of[fingerprint] = individual.number
        # Plain backprop is no parent, but an equation of the search that behaves as it does may be, with its
        # fitness.
        if not self._is_measure(individual.number) and fingerprint not in self._member_of:
            self._member_of[fingerprint] = individual.number
            self._fingerprint_of[individual.number] = fingerprint
            self._admit(fingerprint)

    def heard(self, individual: IndividualRecord, finish: FinishRecord) -> bool:
        """What a trial of the individual came to; False where it says nothing of the behaviour."""
        measured = self.of(individual.fingerprint)
        if finish.state is TrialState.COMPLETED and finish.validation_accuracy is not None:
            self._measurements.completed(individual.fingerprint, finish.validation_accuracy)
        elif individual.remeasures is not None and finish.state in NO_TRAINING:
            # It does not stand on the seeds that happened to work.
            measured.is_withdrawn = True
        elif self._spec.selection.parents == "all" and finish.pruned_at is not None:
            measured.pruned = grade_at(finish.pruned_at, self._spec.pruner)
        else:
            return False
        self._admit(individual.fingerprint)
        return True

    def _admit(self, fingerprint: str) -> None:
        """Let the search's first individual with this behaviour in, as soon as there are both it and a
        grade, or move it to where that is now."""
        member, grade = self._member_of.get(fingerprint), self.of(fingerprint).grade
        if member is not None and grade is not None:
            self.population.put(member, grade)

    @property
    def has_fitness(self) -> bool:
        """Whether any member has."""
        return any(each.has_fitness for each in self.population.best(1))

    def _best(self, count: int) -> list[_Behaviour]:
        """The best with a fitness, best first."""
        found = [each for each in self.population.best(count) if each.has_fitness]
        fingerprints = [self._fingerprint_of[each.individual] for each in found]
        return [_Behaviour(self._first_of[each], self.of(each)) for each in fingerprints]

    def next_again(self) -> int | None:
        """The individual whose behaviour is to be measured again: one of the N best; None where nothing is
        worth it. What behaves as a measure does has its place beside the others, and is confirmed with it."""
        best = [each for each in self._best(self._spec.best_size) if not self._is_measure(each.first)]
        most = self._spec.selection.max_measurements
        place = next_of([each.measured for each in best], self._measurements.spread, most)
        return None if place is None else best[place].first

    def finalists(self, count: int) -> list[int]:
        """The first individuals of the ``count`` best behaviours, no measure among them."""
        # More than are asked for: some may behave as a measure does, some may have been lucky.
        best = self._best(max(self._spec.best_size, count + 1 + len(self._spec.yardsticks)))
        order = in_order([each.measured for each in best], self._measurements.spread)
        return [best[place].first for place in order if not self._is_measure(best[place].first)][:count]
