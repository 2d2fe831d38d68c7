"""Two searches of one setting side by side: their best on new seeds, and how they came there.

The interval is over the seeds of the confirmations. It says how sure it is that the one best is better than
the other, not that the one search would find the better one again: that takes several searches of each
(``benchmarks/evolution.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev

from backprop_evo.errors import InvalidSettings
from backprop_evo.evaluation.courses import Course, course_of
from backprop_evo.evaluation.stages import survivors
from backprop_evo.evaluation.statistics import Difference, paired_difference, unpaired_difference
from backprop_evo.evaluation.table import ComparedBy, method_words, table_of
from backprop_evo.evaluation.verdicts import Finding, find
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.evaluating import setting_id, setting_words
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.stored import (
    Accuracies,
    EvaluationRecord,
    IndividualRecord,
    OutcomeRecord,
    SearchRecord,
)

CALLED = {"random": "random search"}
"""Strategies whose names alone are no words for a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What is stored of a search, as far as a comparison needs it; ``outcomes`` are of its confirmation."""

    search: SearchRecord
    individuals: Sequence[IndividualRecord]
    ends: Sequence[EndRecord]
    confirmation: EvaluationRecord | None
    outcomes: Sequence[OutcomeRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The finalist with the best mean validation accuracy over all seeds of the confirmation; ``accuracies``
    are those that are compared, with the 95 % interval of their mean (None for n = 1)."""

    method: MethodSpec
    text: str
    accuracies: Accuracies
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two searches. ``fitness`` is its best search fitness, ``fitness_alike`` that after as many
    trainings as both have, ``fitness_alike_s`` after as many seconds of a worker."""

    search_id: str
    name: str
    called: str
    strategy: str
    seed: int
    budget: int
    has_ended: bool
    best: Best | None
    fitness: float | None
    fitness_alike: float | None
    fitness_alike_s: float | None
    course: Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``one`` minus ``other``: the difference of their best on new seeds with its 95 % interval, over ``n``
    pairs of trainings of one seed, or, not ``paired``, at least ``n`` of each; None until both have
    confirmed.
    ``trainings`` and ``worker_s`` are what both have come to."""

    one: Side
    other: Side
    compared_by: ComparedBy
    paired: bool
    n: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    finding: Finding
    trainings: int
    worker_s: float
    sentence: str
    remarks: tuple[str, ...]


def check_comparable(one: SearchRecord, other: SearchRecord) -> None:
    """Raises ``InvalidSettings``."""
    if one.id == other.id:
        raise InvalidSettings(
            "a search is compared with another, not with itself", field="with", hint="name another search"
        )
    if setting_id(one.spec.train) != setting_id(other.spec.train):
        raise InvalidSettings(
            f"only accuracies of one setting may be compared: {one.id} trains "
            f"{setting_words(one.spec.train)}; {other.id} trains {setting_words(other.spec.train)}",
            field="with",
            hint="order its counterpart, which is of the same setting",
        )


def compare(one: Read, other: Read) -> Comparison:
    """Of what has ended so far. Raises ``InvalidSettings`` for searches of different settings."""
    check_comparable(one.search, other.search)
    courses = [course_of(each.search.spec, each.individuals, each.ends) for each in (one, other)]
    trainings = min(each.trainings for each in courses)
    worker_s = min(each.worker_s for each in courses)
    tested = all(each.confirmation is not None and each.confirmation.spec.test for each in (one, other))
    by: ComparedBy = "test" if tested else "validation"
    found = [_best(each, by) for each in (one, other)]
    sides = [
        _side(each, name, best and best[0], course, trainings, worker_s)
        for each, name, best, course in zip(
            (one, other), called(one.search, other.search), found, courses, strict=True
        )
    ]
    alike = _confirmed_alike(one, other)
    accuracies = [best[1] if best and alike else {} for best in found]
    difference, paired = _difference(*accuracies)
    finding = find(difference, difference.p if difference else None)
    return Comparison(
        one=sides[0],
        other=sides[1],
        compared_by=by,
        paired=paired,
        n=difference.n if difference else 0,
        difference=difference.mean if difference else None,
        low=difference.low if difference else None,
        high=difference.high if difference else None,
        p=difference.p if difference else None,
        finding=finding,
        trainings=trainings,
        worker_s=worker_s,
        sentence=_sentence(sides[0], sides[1], difference, finding),
        remarks=(
            *_remarks(one.search, other.search, by, difference, paired),
            *(() if alike else ("Confirmed in different settings: their best on new seeds do not compare.",)),
        ),
    )


def _side(
    read: Read, called: str, best: Best | None, course: Course, trainings: int, worker_s: float
) -> Side:
    search = read.search
    return Side(
        search_id=search.id,
        name=search.spec.name,
        called=called,
        strategy=search.spec.strategy,
        seed=search.spec.seed,
        budget=search.trials_total,
        has_ended=search.state.is_terminal,
        best=best,
        fitness=course.best_after(),
        fitness_alike=course.best_after(trainings=trainings),
        fitness_alike_s=course.best_after(worker_s=worker_s),
        course=course,
    )


def called(one: SearchRecord, other: SearchRecord) -> tuple[str, str]:
    """What both are called: by their strategies, by their names where these say nothing."""
    first, second = one.spec, other.spec
    if first.strategy == second.strategy:
        return f"“{first.name}”", f"“{second.name}”"
    return CALLED.get(first.strategy, first.strategy), CALLED.get(second.strategy, second.strategy)


def _best(read: Read, by: ComparedBy) -> tuple[Best, Mapping[int, float]] | None:
    """With its accuracies by seed; one that failed on a seed does not stand on the others."""
    if read.confirmation is None:
        return None
    chosen = survivors(table_of(read.confirmation, read.outcomes), read.search.spec)
    if not chosen:
        return None
    row = read.confirmation.spec.rows.index(chosen[0])
    by_seed = {
        each.seed: accuracy
        for each in read.outcomes
        if each.individual == row
        and (accuracy := each.test_accuracy if by == "test" else each.validation_accuracy) is not None
    }
    values = list(by_seed.values())
    mean = paired_difference(values, [0.0] * len(values))
    if mean is None:
        return None
    accuracies = Accuracies(mean=mean.mean, std=stdev(values) if mean.n > 1 else None, n=mean.n)
    text = method_words(chosen[0])
    best = Best(method=chosen[0], text=text, accuracies=accuracies, low=mean.low, high=mean.high)
    return best, by_seed


def _confirmed_alike(one: Read, other: Read) -> bool:
    """Whether both confirmed in one setting: a confirmation may train for longer than its search did."""
    settings = [
        each.confirmation.spec.settings[0].id for each in (one, other) if each.confirmation is not None
    ]
    return len(set(settings)) < 2


def _difference(one: Mapping[int, float], other: Mapping[int, float]) -> tuple[Difference | None, bool]:
    """By pairs of one seed where there are any: such children begin with the same weights and batches."""
    if both := [seed for seed in one if seed in other]:
        return paired_difference([one[seed] for seed in both], [other[seed] for seed in both]), True
    return unpaired_difference(list(one.values()), list(other.values())), False


def _sentence(one: Side, other: Side, difference: Difference | None, finding: Finding) -> str:
    if difference is None:
        return _so_far(one, other)
    stands = f"{_stands(one, other, difference.mean)} on new seeds"
    if difference.low is None or difference.high is None:
        return f"{stands}, n = {difference.n}: too few seeds for an interval."
    sign = -1 if difference.mean < 0 else 1
    low, high = sorted(100 * sign * end for end in (difference.low, difference.high))
    told = f"{stands}, {low:.1f} … {high:.1f}, n = {difference.n}"
    return f"No difference shown: {told}." if finding is Finding.NO_DIFFERENCE else f"{told}."


def _so_far(one: Side, other: Side) -> str:
    """Before both have confirmed."""
    if one.fitness_alike is None or other.fitness_alike is None:
        return "There is nothing to compare yet."
    apart = one.fitness_alike - other.fitness_alike
    alike = min(one.course.trainings, other.course.trainings)
    return f"{_stands(one, other, apart)} after {alike} trainings each, by fitness, not on new seeds."


def _stands(one: Side, other: Side, apart: float) -> str:
    better, worse = (one, other) if apart >= 0 else (other, one)
    first = better.called[0].upper() + better.called[1:]
    if apart == 0:
        return f"{first}'s best and {worse.called}'s stand level"
    return f"{first}'s best stands {100 * abs(apart):.1f} points above {worse.called}'s"


def _remarks(
    one: SearchRecord, other: SearchRecord, by: ComparedBy, difference: Difference | None, paired: bool
) -> Sequence[str]:
    told = []
    if running := [each.id for each in (one, other) if not each.state.is_terminal]:
        told.append(f"Not ended: {' and '.join(running)}.")
    if one.trials_total != other.trials_total:
        told.append(f"Different budgets: {one.trials_total} and {other.trials_total} trainings.")
    for each in (one, other):
        if given := len(each.spec.start):
            equations = "equation" if given == 1 else "equations"
            told.append(f"{each.id} was given {given} start {equations}, which it need not have found.")
    if difference is None:
        return told
    if not paired:
        told.append("Confirmed on different seeds: the difference is of two means, not of pairs (Welch).")
    if by == "validation":
        told.append("Each best was chosen by the accuracies that are compared: both means are a little high.")
    told.append(
        "n counts the seeds on which these two were confirmed; what another seed of the search would have "
        "found is not in the interval."
    )
    return told
