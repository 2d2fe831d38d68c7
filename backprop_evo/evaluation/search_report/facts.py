"""What a report is made of: rows of a search and of the evaluations that belong to it, as they were read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from backprop_evo.evaluation.comparison import Comparison
from backprop_evo.evaluation.table import EvaluationTable
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.judging import IntermediateRecord
from backprop_evo.records.leaderboard import LeaderboardRecord
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import (
    EvaluationRecord,
    FinishRecord,
    IndividualRecord,
    SearchRecord,
    TrialRecord,
)
from backprop_evo.records.training import TrainSpec

FITNESS = (Purpose.SEARCH, Purpose.REMEASUREMENT, Purpose.BASELINE, Purpose.YARDSTICK)
"""The trials by which a search measures; what comes after it measures otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFacts:
    """One evaluation of the search: its table, its trials that have ended, with their curves, and the seconds
    that workers spent on it."""

    record: EvaluationRecord
    table: EvaluationTable
    trials: Sequence[TrialRecord]
    worker_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCheck:
    """What came of deciding again: ``proposals`` and ``judgements`` were looked at, the first so many of
    ``of``. ``reason`` says in words where something came out otherwise, or why nothing could be checked."""

    proposals: int
    of: int
    judgements: int
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFacts:
    """``worker_s`` are seconds by trial. ``images`` is the size of the training split of each data set that
    is spoken of. ``confirmed`` are leaderboard rows of equations that were trained again, the best first,
    with plain backprop's. ``environments`` are those of some trainings. ``document`` is the search's, from
    which the same can be asked for again; ``replayed`` is None where nobody checked. ``ends`` are the
    same trials as ``finishes``; ``comparison`` is that with the counterpart, where there is one."""

    search: SearchRecord
    individuals: Sequence[IndividualRecord]
    finishes: Sequence[FinishRecord]
    worker_s: Mapping[str, float]
    ends: Sequence[EndRecord] = ()
    intermediates: Sequence[IntermediateRecord] = ()
    evaluations: Sequence[EvaluationFacts] = ()
    confirmed: Sequence[LeaderboardRecord] = ()
    environments: Sequence[Mapping[str, str]] = ()
    images: Mapping[str, int] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    replayed: ReplayCheck | None = None
    comparison: Comparison | None = None

    def steps(self, train: TrainSpec) -> int | None:
        """Steps of one training, as the trainer counts them; None for a data set that nobody knows now."""
        images = self.images.get(train.data)
        return None if images is None else steps_of(train, train.epochs, images)

    def fitnesses(self) -> dict[int, float]:
        """By the number of the individual that was proposed first: the mean over its search trial and its
        remeasurements. A twin has none of its own."""
        first = {each.number: each.remeasures for each in self.individuals if each.remeasures is not None}
        found: defaultdict[int, list[float]] = defaultdict(list)
        for each in self.finishes:
            if each.purpose in FITNESS and each.validation_accuracy is not None:
                found[first.get(each.individual, each.individual)].append(each.validation_accuracy)
        return {number: fmean(values) for number, values in found.items()}


def steps_of(train: TrainSpec, epochs: float, images: int) -> int:
    """At least one; ``images`` are those of the training split."""
    return max(1, round(epochs * train.steps_per_epoch(images)))
