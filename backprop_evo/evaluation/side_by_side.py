"""Equations side by side: their trees, and their differences over trainings of one seed in one setting.

What a search chose by is counted only where nothing else was trained: whoever was chosen for an accuracy was
lucky there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, stdev

from backprop_evo.equations import read_equation
from backprop_evo.errors import InvalidEquation
from backprop_evo.evaluation.statistics import Difference, holm, paired_difference
from backprop_evo.evaluation.table import ComparedBy, method_words
from backprop_evo.evaluation.verdicts import Finding, failures_in_words, find, verdict
from backprop_evo.records.comparing import TrainingRecord
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Accuracies
from backprop_evo.records.training import TrainSpec
from dsl.places import PlaceRow, side_by_side

Key = tuple[int, str]
"""What two trainings share that make a pair: seed, and the part of validation they were measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One behaviour and its ended trainings, newest first; ``is_cut``: there are older ones."""

    fingerprint: str
    trainings: Sequence[TrainingRecord]
    is_cut: bool = False

    @property
    def method(self) -> MethodSpec:
        """As it was written last."""
        return self.trainings[0].method

    @property
    def text(self) -> str:
        """On one line."""
        return method_words(self.method)


@dataclass(frozen=True, slots=True, kw_only=True)
class InSetting:
    """One equation in one setting: accuracies of the trainings with new seeds, of which others ended as
    ``failures`` say; ``selecting`` counts those by which searches chose, which are in neither."""

    validation: Accuracies | None
    test: Accuracies | None
    failures: str | None
    selecting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedBy:
    """The equation ``one`` minus ``other``, by their places, over ``n`` pairs of one seed, with the 95 %
    interval; ``selecting``: of trainings by which searches chose. No numbers where there is no pair."""

    one: int
    other: int
    compared_by: ComparedBy
    selecting: bool
    n: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    finding: Finding = Finding.TOO_FEW
    verdict: str = "never trained with the same seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingBlock:
    """Everything within one setting; ``equations`` in the order asked for, None where one has no training."""

    setting_id: str
    train: TrainSpec
    equations: tuple[InSetting | None, ...]
    pairs: tuple[PairedBy, ...]

    @property
    def paired(self) -> int:
        """How many pairs of trainings there are in all."""
        return sum(pair.n for pair in self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class EquationsSideBySide:
    """``places`` are empty unless all are equations of the language. ``blocks`` are the settings in which at
    least two were trained, the one with most pairs first."""

    equations: tuple[Trained, ...]
    places: tuple[PlaceRow, ...]
    blocks: tuple[SettingBlock, ...]


def compare_equations(equations: Sequence[Trained]) -> EquationsSideBySide:
    """At least two, each with at least one training."""
    trains: dict[str, TrainSpec] = {}
    for each in equations:
        for training in each.trainings:
            trains.setdefault(setting_id(training.train), training.train)
    blocks = [_block(equations, setting, train) for setting, train in trains.items()]
    shared = [block for block in blocks if sum(each is not None for each in block.equations) > 1]
    return EquationsSideBySide(
        equations=tuple(equations),
        places=_places([each.method for each in equations]),
        blocks=tuple(sorted(shared, key=lambda block: (-block.paired, block.setting_id))),
    )


def _places(methods: Sequence[MethodSpec]) -> tuple[PlaceRow, ...]:
    try:
        return side_by_side([read_equation(each.equation or "") for each in methods])
    except InvalidEquation:  # a method of another kind, or of another version
        return ()


def _block(equations: Sequence[Trained], setting: str, train: TrainSpec) -> SettingBlock:
    here = [
        [training for training in each.trainings if setting_id(training.train) == setting]
        for each in equations
    ]
    pairs = [_pair(one, other, here[one], here[other]) for one, other in combinations(range(len(here)), 2)]
    return SettingBlock(
        setting_id=setting,
        train=train,
        equations=tuple(_in_setting(trainings) if trainings else None for trainings in here),
        pairs=_judged(pairs),
    )


def _in_setting(trainings: Sequence[TrainingRecord]) -> InSetting:
    new = list(_by_key(trainings, selecting=False).values())
    failures = Counter(str(each.state) for each in new if each.state is not TrialState.COMPLETED)
    return InSetting(
        validation=_accuracies([each.validation_accuracy for each in new]),
        test=_accuracies([each.test_accuracy for each in new]),
        failures=failures_in_words(failures, len(new)),
        selecting=sum(each.is_selecting for each in trainings),
    )


def _accuracies(values: Sequence[float | None]) -> Accuracies | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Accuracies(mean=fmean(known), std=stdev(known) if len(known) > 1 else None, n=len(known))


def _by_key(trainings: Sequence[TrainingRecord], *, selecting: bool) -> Mapping[Key, TrainingRecord]:
    """The newest of each, in the order of seeds: trained again, it is the same training."""
    found = {
        (each.seed, each.measured_on): each
        for each in reversed(trainings)
        if each.is_selecting is selecting and each.state is not TrialState.CANCELLED
    }
    return dict(sorted(found.items()))


def _pair(one: int, other: int, ones: Sequence[TrainingRecord], others: Sequence[TrainingRecord]) -> PairedBy:
    for selecting in (False, True):
        first, second = (_by_key(each, selecting=selecting) for each in (ones, others))
        both = [(first[key], second[key]) for key in first if key in second]
        by = _compared_by(both)
        read = [(_accuracy(a, by), _accuracy(b, by)) for a, b in both]
        pairs = [(x, y) for x, y in read if x is not None and y is not None]
        difference = paired_difference([x for x, _ in pairs], [y for _, y in pairs])
        if difference is not None:
            return _told(one, other, by, selecting, difference)
    return PairedBy(one=one, other=other, compared_by="validation", selecting=False)


def _compared_by(both: Sequence[tuple[TrainingRecord, TrainingRecord]]) -> ComparedBy:
    """By the test split where every completed pair has read it: no pair is left out for that."""
    done = [pair for pair in both if all(each.state is TrialState.COMPLETED for each in pair)]
    tested = done and all(each.test_accuracy is not None for pair in done for each in pair)
    return "test" if tested else "validation"


def _accuracy(training: TrainingRecord, by: ComparedBy) -> float | None:
    return training.test_accuracy if by == "test" else training.validation_accuracy


def _told(one: int, other: int, by: ComparedBy, selecting: bool, difference: Difference) -> PairedBy:
    return PairedBy(
        one=one,
        other=other,
        compared_by=by,
        selecting=selecting,
        n=difference.n,
        difference=difference.mean,
        low=difference.low,
        high=difference.high,
        p=difference.p,
    )


def _judged(pairs: Sequence[PairedBy]) -> tuple[PairedBy, ...]:
    """With p values adjusted for being so many, and words."""
    known = [pair for pair in pairs if pair.p is not None]
    adjusted = dict(zip(map(id, known), holm([pair.p or 0.0 for pair in known]), strict=True))
    return tuple(_worded(pair, adjusted.get(id(pair)), len(known)) for pair in pairs)


def _worded(pair: PairedBy, p_adjusted: float | None, comparisons: int) -> PairedBy:
    if pair.difference is None:
        return pair
    difference = Difference(mean=pair.difference, n=pair.n, low=pair.low, high=pair.high, p=pair.p)
    finding = find(difference, p_adjusted)
    words = verdict(difference, finding, comparisons)
    return replace(pair, p_adjusted=p_adjusted, finding=finding, verdict=words)
