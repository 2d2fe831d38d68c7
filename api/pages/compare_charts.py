"""The numbers of the charts on the pages that compare: curves over each other, and differences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.deps import StoreDep
from api.pages.chart_answers import IfNoneMatch, answer
from backprop_evo.evaluation.comparison import Comparison
from backprop_evo.evaluation.courses import Course
from backprop_evo.evaluation.curves import MeanPoint
from backprop_evo.evaluation.side_by_side import PairedBy
from backprop_evo.records.evaluating import setting_words
from backprop_evo.service.chart_columns import hundredths
from backprop_evo.service.side_by_side import MOST, compare_equations_of, compare_searches_of

router = APIRouter(prefix="/compare/charts")
LETTERS = "ABCDEF"

Asked = Annotated[list[str], Query(max_length=MOST)]


@router.get("/equations")
def equations(store: StoreDep, equation: Asked, known: IfNoneMatch = None) -> Response:
    """Mean curves with their deviations, and the differences of each setting. Raises as the page does."""
    found = compare_equations_of(store, equation)
    beside = found.side_by_side
    return answer(
        {
            "x": "epochs",
            "lines": [
                {"name": letter, "text": each.text, **_curve(line)}
                for letter, each, line in zip(LETTERS, beside.equations, found.lines, strict=False)
            ],
            "settings": [
                {"words": setting_words(block.train), "pairs": [*_pairs(block.pairs)]}
                for block in beside.blocks
            ],
        },
        known,
    )


@router.get("/searches")
def searches(store: StoreDep, search: Asked, known: IfNoneMatch = None) -> Response:
    """The best fitness of each by trainings, and the differences of their best. Raises as the page does."""
    found = compare_searches_of(store, search)
    names = {each.search.id: letter for each, letter in zip(found.searches, LETTERS, strict=False)}
    pairs = [*_comparisons(found.pairs, names)]
    return answer(
        {
            "x": "trainings",
            "lines": [
                {"name": names[each.search.id], "text": each.search.spec.name, **_course(each.course)}
                for each in found.searches
            ],
            "settings": [{"words": "", "pairs": pairs}] if pairs else [],
        },
        known,
    )


def _curve(line: Sequence[MeanPoint]) -> dict[str, Any]:
    return {
        "at": [point.epoch for point in line],
        "mean": [hundredths(point.mean) for point in line],
        "std": [hundredths(point.std) for point in line],
        "n": [point.n for point in line],
    }


def _course(course: Course) -> dict[str, Any]:
    """Of one search nothing deviates: ``std`` and ``n`` are empty."""
    return {
        "at": [point.trainings for point in course.points],
        "mean": [hundredths(point.fitness) for point in course.points],
        "std": [None for _ in course.points],
        "n": [],
    }


def _pairs(pairs: Iterable[PairedBy]) -> Iterable[dict[str, Any]]:
    for pair in pairs:
        if pair.difference is not None:
            yield {
                "name": f"{LETTERS[pair.one]} − {LETTERS[pair.other]}",
                "selecting": pair.selecting,
                "words": pair.verdict,
                **_interval(pair),
            }


def _comparisons(pairs: Iterable[Comparison], names: dict[str, str]) -> Iterable[dict[str, Any]]:
    for pair in pairs:
        if pair.difference is not None:
            yield {
                "name": f"{names[pair.one.search_id]} − {names[pair.other.search_id]}",
                "selecting": False,
                "words": pair.sentence,
                **_interval(pair),
            }


def _interval(pair: PairedBy | Comparison) -> dict[str, Any]:
    return {
        "n": pair.n,
        "mean": hundredths(pair.difference),
        "low": hundredths(pair.low),
        "high": hundredths(pair.high),
    }
