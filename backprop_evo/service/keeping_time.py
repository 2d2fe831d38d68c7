"""A search keeps to its budget: its time is counted, the search itself ends in time, its stages are sized by
what is left.

All that is decided here is stored: the time used, the number of trials when they were cut short, the spec of
what is ordered. A controller that comes later reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean

from backprop_evo.errors import InvalidInput
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import SearchRecord, TrainingTime
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.brain import Brain
from backprop_evo.search.search_language import identify_method
from backprop_evo.search.time_plan import (
    LEAST_SEEDS,
    Pace,
    Size,
    drain_s,
    pace_of,
    shares_of,
    size_of,
    stage_time_s,
)
from backprop_evo.service.specs import steps_of
from backprop_evo.service.timing import guess_of, search_share_s, stages_of, test_steps, timed
from backprop_evo.store.base import Store

LOOK_S = 1.0
"""The time is counted so often."""

MOST_UNSEEN_S = 60.0
"""A longer time in which nobody looked counts as so much: what ran may have gone on, and nothing else did."""

LATELY, MANY = 64, 1000
"""Trainings that are looked at, at every look and where a stage is sized."""

LEAST_USE = 0.05
"""Of the slots. Where others have nearly all of them the estimate would be endless."""


@dataclass(frozen=True, slots=True)
class Times:
    """What a search has measured so far."""

    ended: Sequence[TrainingTime]

    @property
    def mean_s(self) -> float:
        """Of all."""
        return fmean(each.seconds for each in self.ended)

    @property
    def of_equations(self) -> list[float]:
        """Of the search's own trials, of all where there are none of these yet; the shortest first."""
        own = [each.seconds for each in self.ended if each.purpose is Purpose.SEARCH]
        return sorted(own or [each.seconds for each in self.ended])

    @property
    def longest_s(self) -> float:
        """But for the longest tenth: one that hung is no measure."""
        return self.of_equations[int(0.9 * (len(self.of_equations) - 1))]


def keep_time(
    store: Store, search: SearchRecord, brain: Brain, controller: str, slots: int, *, now: datetime
) -> SearchRecord:
    """Count the time that a running search has used, and cut its trials short when those that are out will
    have ended with its share. Raises ``Conflict`` when the claim was lost."""
    if not search.keeps_time or search.state is not SearchState.RUNNING:
        return search
    was_cut = search.trials_total < search.spec.trials
    if search.metered_at is None or (now - search.metered_at).total_seconds() >= LOOK_S:
        search = store.searches.meter(search.id, controller, slots=slots, now=now, most_s=MOST_UNSEEN_S)
    if brain.trials_sent >= search.trials_total:
        return search
    # What was screened out since gave its place back: another would begin after the end.
    if was_cut or _is_time_up(store, search, brain, slots):
        return store.searches.shorten(search.id, controller, trials=brain.trials_sent, now=now)
    return search


def _is_time_up(store: Store, search: SearchRecord, brain: Brain, slots: int) -> bool:
    share_s = search_share_s(search.spec)
    times = Times(store.statistics.times_of(search.id, limit=LATELY))
    if not times.ended or slots == 0:
        return search.spent_s >= share_s
    running_s = min(brain.trials_out, slots) * times.mean_s / 2
    free = slots * _use(search, times.mean_s * brain.finishes_known + running_s)
    mean_s = fmean(times.of_equations)
    return search.spent_s + drain_s(brain.trials_out, free, mean_s, times.longest_s) >= share_s


def _use(search: SearchRecord, busy_s: float) -> float:
    """The share of the slots that the search had: others have theirs, and between two trials none has."""
    return 1.0 if search.slot_s <= 0 else min(1.0, max(LEAST_USE, busy_s / search.slot_s))


def first_of(spec: SearchSpec, finalists: Sequence[MethodSpec], best: int) -> tuple[MethodSpec, ...]:
    """The best so many, and the yardsticks."""
    found = [each for each in finalists if each not in spec.yardsticks]
    return (*found[:best], *(each for each in finalists if each in spec.yardsticks))


def sized(
    store: Store, search: SearchRecord, ordered: EvaluationSpec, stage: str, wish: Size, slots: int
) -> EvaluationSpec:
    """``ordered``, which holds as many of the search's best as there are, cut to what the time left allows:
    at least one of them and plain backprop, with two seeds. Controls go before that."""
    spec = search.spec
    stages = stages_of(spec)
    shares = shares_of(["search", *stages])
    remaining = sum(shares[each] for each in stages[stages.index(stage) :])
    assert spec.budget is not None, "only what has a budget is sized"
    time_s = stage_time_s(spec.budget, search.spent_s, shares[stage], remaining)
    times = Times(store.statistics.times_of(search.id, limit=MANY))
    costs = _Costs(spec, times, ordered)
    beside = [each for each in ordered.rows if each in {ordered.baseline, *spec.yardsticks}]
    best = [each for each in ordered.methods if each not in {*ordered.controls, *beside}]
    if not best:
        return ordered
    ended = len(store.trials.finishes(search.id))
    free = max(1, slots) * (_use(search, times.mean_s * ended) if times.ended else 1.0)
    for controls in (ordered.controls, ()):
        others_s = sum(costs.of(each) for each in (*beside, *controls))
        best_s = [costs.of(each) for each in best]
        counts = {"others": len(beside) + len(controls), "settings": len(ordered.settings)}
        size = size_of(time_s, free, best_s, others_s, wish, max(best_s), **counts)
        if size is not None:
            break
    size = size or Size(1, LEAST_SEEDS)
    kept = {*best[: size.best], *beside, *controls}
    return replace(
        ordered,
        methods=tuple(each for each in ordered.methods if each in kept),
        controls=controls,
        seeds=size.seeds,
    )


class _Costs:
    """Seconds of a slot that one seed of a method takes in all settings of an evaluation, by what the method
    took in the search where it was trained to the end there."""

    def __init__(self, spec: SearchSpec, times: Times, ordered: EvaluationSpec) -> None:
        self.pace: Pace = pace_of(timed(times.ended), guess_of(spec.train, ()))
        self.ordered = ordered
        whole_s = self.pace.training_s(steps_of(spec.train))
        self.factors = {
            each.fingerprint: each.seconds / whole_s
            for each in times.ended
            if each.state is TrialState.COMPLETED
        }

    def of(self, method: MethodSpec) -> float:
        """Of all settings together."""
        try:
            factor = self.factors.get(identify_method(method).fingerprint, 1.0)
        except InvalidInput:
            factor = 1.0
        return factor * sum(self._whole_s(each.train) for each in self.ordered.settings)

    def _whole_s(self, train: TrainSpec) -> float:
        return self.pace.training_s(steps_of(train) + test_steps(train, test=self.ordered.test))
