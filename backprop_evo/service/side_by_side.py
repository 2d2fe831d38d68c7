"""Two to six equations, or searches, side by side: what is asked for, read, checked and in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pydantic_core import to_jsonable_python

from backprop_evo.errors import InvalidInput, InvalidSettings, NotFound
from backprop_evo.evaluation.comparison import Comparison, Read, compare
from backprop_evo.evaluation.courses import Course, course_of
from backprop_evo.evaluation.curves import CurveRow, MeanPoint, curve_rows, mean_curves, rates_of
from backprop_evo.evaluation.differing import FieldRow, fields_side_by_side
from backprop_evo.evaluation.side_by_side import (
    EquationsSideBySide,
    SettingBlock,
    Trained,
    compare_equations,
)
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.leaderboard import LeaderboardRecord
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import TrainResult
from backprop_evo.service.comparing import read_search
from backprop_evo.service.specs import search_spec_to_json
from backprop_evo.store.base import Store
from backprop_evo.training.methods import as_method, method_of

LEAST, MOST = 2, 6
MOST_TRAININGS = 1000
"""Read of one behaviour, the newest: plain backprop has one in every search."""
MOST_CURVES = 10
"""Read of one behaviour."""
PLAIN_BACKPROP = "g"


@dataclass(frozen=True, slots=True)
class ComparedEquations:
    """``curves``, ``lines`` and ``rates`` are of the first block's setting, the last two one for each
    equation: the curve in full, and how often it was trained with which rate;
    ``fields`` are of the settings, one column for each block."""

    side_by_side: EquationsSideBySide
    curves: tuple[CurveRow, ...]
    lines: tuple[tuple[MeanPoint, ...], ...]
    rates: tuple[Mapping[float, int], ...]
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True)
class ComparedSearch:
    """One of the searches; ``best`` is the first of its leaderboard that it found."""

    search: SearchRecord
    setting_id: str
    best: LeaderboardRecord | None
    course: Course


@dataclass(frozen=True, slots=True)
class BestAfter:
    """The best fitness of each search after so many trainings, None where there was none or not so many."""

    trainings: int
    fitnesses: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ComparedSearches:
    """``pairs`` are those of one setting; of others nothing is said. ``fields`` are of the specs."""

    searches: tuple[ComparedSearch, ...]
    pairs: tuple[Comparison, ...]
    incomparable: int
    courses: tuple[BestAfter, ...]
    fields: tuple[FieldRow, ...]


def compare_equations_of(store: Store, asked: Sequence[str]) -> ComparedEquations:
    """Each by its fingerprint, its text or its name; plain backprop first, then by fingerprint. Raises
    ``InvalidSettings`` for fewer than two, more than six and one that was never trained, ``NotFound`` for
    what is no equation."""
    found = [_trained(store, text) for text in _asked("equation", asked)]
    by_fingerprint = {each.fingerprint: each for each in found}
    _check_number("equation", by_fingerprint, "; what computes the same counts once")
    ordered = sorted(
        by_fingerprint.values(), key=lambda each: (each.method.equation != PLAIN_BACKPROP, each.fingerprint)
    )
    compared = compare_equations(ordered)
    results = [_results(store, each, compared.blocks[:1]) for each in ordered]
    return ComparedEquations(
        side_by_side=compared,
        curves=curve_rows(results),
        lines=mean_curves(results),
        rates=tuple(rates_of(each) for each in results),
        fields=fields_side_by_side([to_jsonable_python(block.train) for block in compared.blocks]),
    )


def compare_searches_of(store: Store, asked: Sequence[str]) -> ComparedSearches:
    """By their ids, in the order of these. Raises ``InvalidSettings``, ``NotFound``."""
    ids = sorted(set(_asked("search", asked)))
    records = [store.searches.get(each) for each in ids]  # before everything of all is read
    reads = [read_search(store, each) for each in records]
    searches = [_compared(store, each) for each in reads]
    couples = list(combinations(range(len(reads)), 2))
    comparable = [pair for pair in couples if len({searches[at].setting_id for at in pair}) == 1]
    return ComparedSearches(
        searches=tuple(searches),
        pairs=tuple(compare(reads[one], reads[other]) for one, other in comparable),
        incomparable=len(couples) - len(comparable),
        courses=_courses([each.course for each in searches]),
        fields=fields_side_by_side([_spec_document(each) for each in records]),
    )


def _asked(field: str, texts: Sequence[str]) -> list[str]:
    """Each once. Raises ``InvalidSettings`` for too few and too many."""
    found = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    _check_number(field, found)
    return found


def _check_number(field: str, found: Sequence[str] | Mapping[str, object], why: str = "") -> None:
    if not LEAST <= len(found) <= MOST:
        nouns = {"equation": ("equation", "equations"), "search": ("search", "searches")}[field]
        asked = f"only 1 {nouns[0]} was" if len(found) == 1 else f"{len(found)} {nouns[1]} were"
        raise InvalidSettings(
            f"give {LEAST} to {MOST} different {nouns[1]} to compare; {asked} given{why}",
            field=field,
            hint="tick two or more rows of the leaderboard" if field == "equation" else "tick two or more",
        )


def _trained(store: Store, text: str) -> Trained:
    known = store.statistics.trainings_of(text, limit=MOST_TRAININGS + 1)
    fingerprint = text
    if not known:
        fingerprint = _fingerprint(text)
        known = store.statistics.trainings_of(fingerprint, limit=MOST_TRAININGS + 1)
    if not known:
        raise InvalidSettings(
            f"{text[:200]!r} was never trained: there is nothing to compare",
            field="equation",
            hint="evaluate it, or choose from a leaderboard",
        )
    cut = len(known) > MOST_TRAININGS
    return Trained(fingerprint=fingerprint, trainings=known[:MOST_TRAININGS], is_cut=cut)


def _fingerprint(text: str) -> str:
    try:
        return method_of(as_method(text)).fingerprint()
    except InvalidInput as error:
        raise NotFound(
            f"{text[:200]!r} is no fingerprint that was trained, no name and no equation: {error}",
            hint="copy a fingerprint from a leaderboard, or check the equation at /equations",
        ) from None


def _results(store: Store, trained: Trained, blocks: Sequence[SettingBlock]) -> Sequence[TrainResult]:
    """Of the newest trainings in this setting, those with new seeds where there are any."""
    here = [
        each
        for block in blocks
        for each in trained.trainings
        if setting_id(each.train) == block.setting_id and each.state is TrialState.COMPLETED
    ]
    new = [each for each in here if not each.is_selecting] or here
    chosen = sorted(new, key=lambda each: each.seed)[:MOST_CURVES]
    return list(store.statistics.results([each.trial_id for each in chosen]).values())


def _compared(store: Store, read: Read) -> ComparedSearch:
    rows = store.leaderboard.page(read.search.id, limit=20).items
    found = (row for row in rows if not (row.is_baseline or row.is_yardstick or row.is_control))
    return ComparedSearch(
        search=read.search,
        setting_id=setting_id(read.search.spec.train),
        best=next(found, None),
        course=course_of(read.search.spec, read.individuals, read.ends),
    )


def _courses(courses: Sequence[Course], most: int = 10) -> tuple[BestAfter, ...]:
    """At up to so many numbers of trainings, the same steps apart."""
    longest = max(each.trainings for each in courses)
    at = sorted({max(1, round(longest * step / most)) for step in range(1, most + 1)}) if longest else []
    return tuple(BestAfter(trainings, tuple(_after(each, trainings) for each in courses)) for trainings in at)


def _after(course: Course, trainings: int) -> float | None:
    return course.best_after(trainings=trainings) if trainings <= course.trainings else None


def _spec_document(search: SearchRecord) -> Mapping[str, Any]:
    return search_spec_to_json(search.present_spec)
