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

from backprop_evo.evaluation.ordering import behaviour_of
from backprop_evo.evaluation.stages import Candidates, Stage, stage_spec, stages_of
from backprop_evo.records.evaluating import MAX_SEEDS, MAX_TRAININGS, EvaluationSpec
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.searching import MOST_NAMED, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import EvaluationRecord, SearchRecord, TrainingTime
from backprop_evo.search.brain import Brain
from backprop_evo.search.budget import COUNTED
from backprop_evo.search.decisions import Decisions
from backprop_evo.search.time_plan import (
    LEAST_SEEDS,
    OVERDRAWN,
    ROUNDED_UP,
    Size,
    drain_s,
    size_of,
    stage_time_s,
)
from backprop_evo.service.timing import Paces, search_share_s, shares_in
from backprop_evo.store.base import Store

LOOK_S = 1.0
"""The time is counted so often."""

MOST_UNSEEN_S = 60.0
"""A longer time in which nobody looked counts as so much: what ran may have gone on, and nothing else did."""

LATELY, MANY = 64, 1000
"""Trainings that are looked at, at every look and where a stage is sized."""

RESIZED = 0.75
"""Seeds by which the last stage has to be off, or rounding would change it back and forth."""

MOST_COSTLY = 2.0
"""An equation that took longer than so many trainings took, once, was disturbed."""

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
        own = [each.seconds for each in self.ended if each.purpose in COUNTED]
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


def stop_in_time(
    store: Store, search: SearchRecord, brain: Brain, controller: str, *, now: datetime
) -> SearchRecord:
    """Cut the trials of a running search short when the time is over after which it was to stop; adding
    trials later is asking for them. Raises ``Conflict`` when the claim was lost."""
    if search.state is not SearchState.RUNNING or brain.trials_sent >= search.trials_total:
        return search
    if not is_past_its_stop(search, now):
        return search
    return store.searches.shorten(search.id, controller, trials=brain.trials_sent, now=now)


def with_reason_of_stop(search: SearchRecord, decisions: Decisions, now: datetime) -> Decisions:
    """What ends because its time was over says so."""
    was_cut = search.trials_total < search.spec.trials and is_past_its_stop(search, now)
    if decisions.end is not SearchState.COMPLETED or not was_cut:
        return decisions
    sent = f"its time was over after {search.trials_total} of {search.spec.trials} trials (stop_after)"
    return replace(decisions, reason="; ".join(filter(None, (sent, decisions.reason))))


def is_past_its_stop(search: SearchRecord, now: datetime) -> bool:
    """Whether it was to propose nothing more from a time on that has come."""
    after_s, began = search.spec.stop_after, search.started_at
    if after_s is None or began is None or search.extensions:
        return False
    return (now - began).total_seconds() >= after_s


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


def sized(
    store: Store, search: SearchRecord, ended: int, slots: int, stage: Stage, candidates: Candidates
) -> EvaluationSpec:
    """The stage as large as the time left allows after a search of ``ended`` trials: at least one equation
    and plain backprop, with two seeds. Controls go before that."""
    spec = search.spec
    assert spec.budget is not None, "only what has a budget is sized"
    names = [each.role for each in stages_of(spec)]
    shares = shares_in(spec)
    remaining = sum(shares[each] for each in names[names.index(stage.role) :])
    time_s = stage_time_s(spec.budget, search.spent_s, shares[stage.role], remaining)
    times = Times(store.statistics.times_of(search.id, limit=MANY))
    in_stages = [
        time
        for each in store.evaluations.stages_of(search.id).values()
        for time in store.statistics.times_of(each.id, limit=MANY)
    ]
    draft = stage_spec(stage, spec, candidates, best=MOST_NAMED, seeds=1)
    # The first in each slot waited for libraries and caches to load: one took four times as long.
    warm = times.ended[: -max(1, slots)] if len(times.ended) > 4 * slots else times.ended
    costs = _Costs(store, spec, warm, in_stages, draft)
    best_s = [costs.of(each) for each in candidates.equations[:MOST_NAMED]] or [costs.of(draft.baseline)]
    beside = [each for each in draft.rows if each not in {*candidates.equations, *draft.controls}]
    free = max(1, slots) * _use(search, times.mean_s * ended)
    asked = stage.asked(spec)
    for controls in (draft.controls, ()):
        rows = (*beside, *controls)
        size = size_of(
            *(time_s, free, best_s, sum(map(costs.of, rows)), Size(asked.best, asked.seeds), max(best_s)),
            others=len(rows),
            settings=len(draft.settings),
        )
        if size is not None:
            break
    size = size or Size(1, LEAST_SEEDS)
    ordered = stage_spec(stage, spec, candidates, best=size.best, seeds=size.seeds)
    left_out = {*ordered.controls} - {*controls}
    return replace(
        ordered,
        methods=tuple(each for each in ordered.methods if each not in left_out),
        controls=tuple(each for each in ordered.controls if each not in left_out),
    )


def resized(
    store: Store, search: SearchRecord, in_search: int, slots: int, stage: Stage, known: EvaluationRecord
) -> tuple[Stage, EvaluationSpec] | None:
    """The last stage with the seeds that fit by what its own trainings take, where these are others than it
    has by more than rounding: the load beside may have changed. None where it stays. The search itself had
    ``in_search`` trials.

    What its results are plays no part, so that this is no second look at them.
    """
    spec, ended = known.spec, known.trials_done
    a_seed = spec.trainings_a_seed
    if stage is not stages_of(search.spec)[-1] or known.extensions or ended < max(a_seed, 2 * slots):
        return None
    assert search.spec.budget is not None, "only what has a budget is sized"
    times = Times(store.statistics.times_of(known.id, limit=LATELY))
    trial_s = Times(store.statistics.times_of(search.id, limit=MANY)).mean_s
    out = len(store.trials.open(known.id))
    # What it spent is in the search's time; all that was done for it is in the slots'.
    busy_s = trial_s * in_search + times.mean_s * (ended + out / 2)
    free = max(1, slots) * _use(search, busy_s)
    room_s = max(0.0, search.spec.budget - search.spent_s - times.mean_s * (1 - 1 / max(1, slots)) / 2)
    fitting = (ended + min(out, slots) / 2 + free * room_s / times.mean_s) / a_seed
    # After a search that ended early it takes no more than it might have been given.
    share = shares_in(search.spec)[stage.role]
    fitting = min(fitting, OVERDRAWN * share * search.spec.budget * free / times.mean_s / a_seed)
    if abs(fitting - known.seeds) < RESIZED:
        return None
    # A seed of which nothing was sent stays: a method is confirmed when its last training ends.
    seeds = max(LEAST_SEEDS, (ended + out) // a_seed + 2, int(fitting + ROUNDED_UP))
    seeds = min(seeds, MAX_SEEDS, MAX_TRAININGS // a_seed)
    # By rule more seeds where more fit, fewer where fewer do: what must stay never makes it longer.
    is_wanted = seeds > known.seeds if fitting > known.seeds else seeds < known.seeds
    return (stage, replace(spec, seeds=seeds)) if is_wanted else None


class _Costs:
    """Seconds of a slot that one seed of a method takes in all settings of an evaluation, by what the method
    took in the search where it was trained to the end there."""

    def __init__(
        self,
        store: Store,
        spec: SearchSpec,
        in_search: Sequence[TrainingTime],
        in_stages: Sequence[TrainingTime],
        draft: EvaluationSpec,
    ) -> None:
        paces = Paces(store.statistics.times_in, spec.train, (), (*in_search, *in_stages))
        whole_s = paces.training_s(spec.train, test=False)
        self._all_settings_s = sum(paces.training_s(each.train, test=draft.test) for each in draft.settings)
        self._factors = {
            each.fingerprint: min(MOST_COSTLY, each.seconds / whole_s)
            for each in in_search
            if each.state is TrialState.COMPLETED
        }

    def of(self, method: MethodSpec) -> float:
        """Of all settings together."""
        return self._all_settings_s * self._factors.get(behaviour_of(method), 1.0)
