"""The report as one value, from which every format is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backprop_evo.evaluation.comparison import Comparison
from backprop_evo.evaluation.courses import Course, course_of
from backprop_evo.evaluation.search_report.circumstances import (
    COMMAND,
    circumstances_of,
    environment_of,
    replay_words,
)
from backprop_evo.evaluation.search_report.facts import SearchFacts
from backprop_evo.evaluation.search_report.findings import confirmation_of, findings_of
from backprop_evo.evaluation.search_report.horizons import Horizons, LongRun, horizons_of, long_run_of
from backprop_evo.evaluation.search_report.lineage import Ancestor, lineage_of
from backprop_evo.evaluation.search_report.stages import MEASURES, Stage, stages_of
from backprop_evo.evaluation.table import EvaluationTable, method_words
from backprop_evo.records.leaderboard import LeaderboardRecord
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import Accuracies


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """One equation of a search that gave no verdicts: what it measured with new seeds."""

    method: MethodSpec
    text: str
    is_baseline: bool
    validation: Accuracies
    test: Accuracies | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTable:
    """The table of one evaluation that belongs to the search, with its role."""

    role: str
    table: EvaluationTable


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCourse:
    """The course of a search, of the reported one or of its counterpart."""

    name: str
    is_counterpart: bool
    course: Course


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """Accuracies and differences are in [0, 1], times in seconds of workers.

    ``equation`` is the best confirmed one, else the fittest, None where nothing has a fitness; ``lineage``
    is its own. ``courses`` has the search's first, its counterpart's behind it; ``backprop`` is plain
    backprop's fitness in the same training. ``confirmed`` is filled for searches that gave no verdicts."""

    search_id: str
    name: str
    state: str
    headline: str
    remarks: tuple[str, ...]
    equation: MethodSpec | None
    is_confirmed: bool
    stages: tuple[Stage, ...]
    tables: tuple[NamedTable, ...]
    confirmed: tuple[Confirmed, ...]
    horizons: tuple[Horizons, ...]
    long_run: LongRun | None
    courses: tuple[NamedCourse, ...]
    backprop: float | None
    comparison: Comparison | None
    lineage: tuple[Ancestor, ...]
    circumstances: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    replay: str
    command: str
    document: Mapping[str, Any]


def report_of(facts: SearchFacts) -> SearchReport:
    """The same for the same rows."""
    search = facts.search
    horizons = horizons_of(facts)
    confirmation = confirmation_of(facts)
    train = confirmation.record.spec.settings[0].train if confirmation else search.spec.train
    long_run = long_run_of(horizons, facts.steps(train))
    findings = findings_of(facts, long_run)
    best = _confirmed_best(facts, findings.best.text if findings.best else None) or _fittest(facts)
    method, fingerprint = best if best else (None, "")
    return SearchReport(
        search_id=search.id,
        name=search.spec.name,
        state=str(search.state),
        headline=findings.headline,
        remarks=findings.remarks,
        equation=method,
        is_confirmed=findings.best is not None or bool(facts.confirmed),
        stages=stages_of(facts),
        tables=tuple(
            NamedTable(role=str(each.record.role or "evaluation"), table=each.table)
            for each in facts.evaluations
        ),
        confirmed=() if confirmation else tuple(_confirmed(each) for each in facts.confirmed),
        horizons=horizons,
        long_run=long_run,
        courses=_courses(facts),
        backprop=next(
            (each.validation_accuracy for each in facts.finishes if each.purpose is Purpose.BASELINE), None
        ),
        comparison=facts.comparison,
        lineage=lineage_of(facts, fingerprint),
        circumstances=circumstances_of(facts),
        environment=environment_of(facts),
        replay=replay_words(facts.replayed),
        command=COMMAND,
        document={**facts.document, "trials": search.present_spec.trials},
    )


def _courses(facts: SearchFacts) -> tuple[NamedCourse, ...]:
    search, beside = facts.search, facts.comparison
    own = course_of(search.spec, facts.individuals, facts.ends)
    courses = [NamedCourse(name=search.spec.name, is_counterpart=False, course=own)]
    if beside is not None:
        courses.append(NamedCourse(name=beside.other.called, is_counterpart=True, course=beside.other.course))
    return tuple(courses)


def _confirmed_best(facts: SearchFacts, text: str | None) -> tuple[MethodSpec, str] | None:
    """By the verdicts where there are any, else the first on the leaderboard."""
    if text is None:
        found = next((each for each in facts.confirmed if not _is_measure(each)), None)
        return None if found is None else (found.method, found.fingerprint)
    return next(
        ((each.method, each.fingerprint) for each in facts.individuals if method_words(each.method) == text),
        None,
    )


def _fittest(facts: SearchFacts) -> tuple[MethodSpec, str] | None:
    """The equation with the best fitness; the earlier of two that are equal."""
    asked = {each.number: each for each in facts.individuals if each.origin not in MEASURES}
    rated = [(fitness, -number) for number, fitness in facts.fitnesses().items() if number in asked]
    if not rated:
        return None
    best = asked[-max(rated)[1]]
    return best.method, best.fingerprint


def _is_measure(row: LeaderboardRecord) -> bool:
    return row.is_baseline or row.is_yardstick or row.is_control


def _confirmed(row: LeaderboardRecord) -> Confirmed:
    return Confirmed(
        method=row.method,
        text=method_words(row.method),
        is_baseline=row.is_baseline,
        validation=row.validation,
        test=row.test,
    )
