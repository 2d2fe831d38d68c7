"""The table of an evaluation: a block for each setting, a row for each method, a verdict in each row.

It is a function of the spec and of what the trainings gave: no times, no ids. Trained again, it is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Literal

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.remarks import noise_floor_of, remarks_on
from backprop_evo.evaluation.statistics import Difference, holm, paired_difference
from backprop_evo.evaluation.verdicts import failures_in_words, find, verdict, with_failures
from backprop_evo.records.evaluating import EvaluationSpec, setting_id
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Accuracies, EvaluationRecord, OutcomeRecord, TrialRecord
from backprop_evo.records.training import TrainResult
from backprop_evo.training.methods import method_of

ComparedBy = Literal["validation", "test"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one training gave; ``row`` is the place of its method among ``EvaluationSpec.rows``."""

    row: int
    setting_id: str
    seed: int
    result: TrainResult


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One method in one setting. ``n`` of its trainings completed; ``failures`` counts the other ends by
    state. ``difference`` to the baseline with ``low`` and ``high`` (95 %) is in [-1, 1], over the seeds that
    completed for both; the baseline's own row has none, and no verdict. ``is_control``: it is there to be
    beaten."""

    method: MethodSpec
    text: str
    is_baseline: bool
    is_control: bool
    n: int
    validation: Accuracies | None
    test: Accuracies | None
    failures: Mapping[str, int]
    difference: float | None = None
    pairs: int = 0
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    finding: str | None = None
    verdict: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """All methods in one setting; the baseline comes first. ``noise_floor`` says in words by how much
    placebos differ from plain backprop, where both were trained."""

    setting: str
    setting_id: str
    noise_floor: str | None
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationTable:
    """``planned`` trainings, of which ``ended`` have. ``comparisons`` is what p values were adjusted for,
    ``looks`` how often seeds were settled: 1, and one more for each addition. ``remarks`` are sentences that
    belong below the table."""

    name: str
    compared_by: ComparedBy
    first_seed: int
    seeds: int
    planned: int
    ended: int
    comparisons: int
    looks: int
    remarks: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def findings(self) -> tuple[tuple[Block, TableRow], ...]:
        """Every row that is judged, those that found something first; controls where nothing else is."""
        asked = any(not (row.is_baseline or row.is_control) for row in self.blocks[0].rows)
        return tuple(
            (block, row)
            for block in self.blocks
            for row in sorted(block.rows, key=lambda row: row.p_adjusted if row.p_adjusted is not None else 2)
            if not row.is_baseline and not (row.is_control and asked)
        )

    @property
    def headline(self) -> str:
        """The verdicts of all rows as one sentence, in the order of ``findings``."""
        told = [
            f"{row.text}: {row.verdict}" + (f" ({block.setting})" if len(self.blocks) > 1 else "")
            for block, row in self.findings
        ]
        return "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")


def outcomes_of(trials: Iterable[TrialRecord | OutcomeRecord]) -> tuple[Outcome, ...]:
    """Of those that have ended with a result; with their curves where ``trials`` have them."""
    return tuple(
        Outcome(trial.individual, setting_id(trial.spec), trial.seed, result)
        for trial in trials
        if (result := _result_of(trial)) is not None
    )


def _result_of(trial: TrialRecord | OutcomeRecord) -> TrainResult | None:
    if isinstance(trial, TrialRecord):
        return trial.result
    return TrainResult(
        outcome=trial.state,
        validation_accuracy=trial.validation_accuracy,
        test_accuracy=trial.test_accuracy,
    )


def table_of(evaluation: EvaluationRecord, trials: Iterable[TrialRecord | OutcomeRecord]) -> EvaluationTable:
    """The table of what is stored; ``trials`` are those that have ended."""
    return make_table(
        evaluation.spec, outcomes_of(trials), seeds=evaluation.seeds, additions=evaluation.extensions
    )


def make_table(
    spec: EvaluationSpec, outcomes: Sequence[Outcome], *, seeds: int, additions: int = 0
) -> EvaluationTable:
    """``seeds`` is their number now, of which those beyond ``spec.seeds`` came in ``additions``."""
    compared_by: ComparedBy = "test" if spec.test else "validation"
    texts = [method_words(method) for method in spec.rows]
    results = {(each.setting_id, each.row, each.seed): each.result for each in outcomes}
    places = [
        (
            setting,
            row,
            _Column.of(results, setting.id, row, spec, seeds),
            _Column.of(results, setting.id, 0, spec, seeds),
        )
        for setting in spec.settings
        for row in range(len(spec.rows))
    ]
    differences = [None if row == 0 else own.minus(baseline, compared_by) for _, row, own, baseline in places]
    found = {place: each.p for place, each in enumerate(differences) if each and each.p is not None}
    adjusted = dict(zip(found, holm(list(found.values())), strict=True))
    rows = []
    for place, (_, row, own, baseline) in enumerate(places):
        plain = own.row(spec, row, texts[row])
        if row > 0:
            words = (own.failures_in_words(seeds), baseline.failures_in_words(seeds))
            plain = _judged(plain, differences[place], adjusted.get(place), len(found), words)
        rows.append(plain)
    width = len(spec.rows)
    accuracies = [own.accuracies(compared_by) for _, _, own, _ in places]
    planned = spec.trainings_a_seed * seeds
    return EvaluationTable(
        name=spec.name,
        compared_by=compared_by,
        first_seed=spec.first_seed,
        seeds=seeds,
        planned=planned,
        ended=len(results),
        comparisons=len(found),
        looks=1 + additions,
        remarks=remarks_on(spec, seeds, additions, planned - len(results), len(found)),
        blocks=tuple(
            Block(
                setting=setting.name,
                setting_id=setting.id,
                noise_floor=noise_floor_of(spec, accuracies[number * width : (number + 1) * width]),
                rows=tuple(rows[number * width : (number + 1) * width]),
            )
            for number, setting in enumerate(spec.settings)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """The results of one method in one setting, by seed."""

    results: Mapping[int, TrainResult]

    @classmethod
    def of(
        cls,
        results: Mapping[tuple[str, int, int], TrainResult],
        setting: str,
        row: int,
        spec: EvaluationSpec,
        seeds: int,
    ) -> _Column:
        every = range(spec.first_seed, spec.first_seed + seeds)
        return cls({seed: found for seed in every if (found := results.get((setting, row, seed)))})

    def accuracies(self, kind: ComparedBy) -> dict[int, float]:
        """Of the trainings that completed, by seed."""
        return {
            seed: accuracy
            for seed, each in self.results.items()
            if each.outcome is TrialState.COMPLETED
            and (accuracy := each.test_accuracy if kind == "test" else each.validation_accuracy) is not None
        }

    @property
    def failures(self) -> dict[str, int]:
        ends = (each.outcome for each in self.results.values() if each.outcome is not TrialState.COMPLETED)
        return dict(sorted(Counter(str(end) for end in ends).items()))

    def failures_in_words(self, seeds: int) -> str | None:
        return failures_in_words(self.failures, seeds)

    def minus(self, baseline: _Column, kind: ComparedBy) -> Difference | None:
        own, others = self.accuracies(kind), baseline.accuracies(kind)
        both = [seed for seed in own if seed in others]
        return paired_difference([own[seed] for seed in both], [others[seed] for seed in both])

    def row(self, spec: EvaluationSpec, place: int, text: str) -> TableRow:
        validation = list(self.accuracies("validation").values())
        return TableRow(
            method=spec.rows[place],
            text=text,
            is_baseline=place == 0,
            is_control=place > 0 and spec.rows[place] in spec.controls,
            n=len(validation),
            validation=_summary(validation),
            test=_summary(list(self.accuracies("test").values())),
            failures=self.failures,
        )


def _judged(
    row: TableRow,
    difference: Difference | None,
    p_adjusted: float | None,
    comparisons: int,
    failures: tuple[str | None, str | None],
) -> TableRow:
    finding = find(difference, p_adjusted)
    row = replace(
        row,
        p_adjusted=p_adjusted,
        finding=str(finding),
        verdict=with_failures(verdict(difference, finding, comparisons), *failures),
    )
    if difference is None:
        return row
    return replace(
        row,
        difference=difference.mean,
        pairs=difference.n,
        low=difference.low,
        high=difference.high,
        p=difference.p,
    )


def _summary(values: Sequence[float]) -> Accuracies | None:
    if not values:
        return None
    return Accuracies(mean=fmean(values), std=stdev(values) if len(values) > 1 else None, n=len(values))


def method_words(method: MethodSpec) -> str:
    """The method on one line: an equation as it was written, another by its title."""
    if method.equation is not None:
        return method.equation
    try:
        return method_of(method).text()
    except InvalidInput:  # stored by a version that knew it
        return method.name
