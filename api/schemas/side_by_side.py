"""Equations, or searches, side by side on the wire."""

from __future__ import annotations

from typing import Literal

from api.schemas.comparisons import ComparisonOut, CourseOut
from api.schemas.leaderboard import AccuraciesOut
from api.schemas.methods import MethodOut
from api.schemas.searches import SearchOut
from api.schemas.wire import Wire
from backprop_evo.evaluation.verdicts import Finding
from backprop_evo.service.side_by_side import ComparedEquations, ComparedSearches


class ComparedEquationOut(Wire):
    """One of the equations. ``trainings`` were read of it, the newest where it ``is_cut``; ``rates`` counts
    learning rates in the first setting."""

    fingerprint: str
    method: MethodOut
    trainings: int
    is_cut: bool
    rates: dict[str, int]


class PlaceOut(Wire):
    """One place of the trees, and the component that each equation has there, null for none."""

    place: str
    components: list[str | None]
    differs: bool


class InSettingOut(Wire):
    """One equation in one setting: accuracies with new seeds, ``failures`` in words, and the number of
    trainings by which searches chose, which are in neither."""

    validation: AccuraciesOut | None
    test: AccuraciesOut | None
    failures: str | None
    selecting: int


class PairOut(Wire):
    """Equation ``one`` minus ``other``, by their places in ``equations`` from 0, with the 95 % interval over
    ``n`` pairs of one seed. ``selecting``: of trainings by which a search chose."""

    one: int
    other: int
    compared_by: Literal["validation", "test"]
    selecting: bool
    n: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    finding: Finding
    verdict: str


class SettingBlockOut(Wire):
    """A setting in which at least two were trained; null for an equation that was not."""

    setting_id: str
    equations: list[InSettingOut | None]
    pairs: list[PairOut]


class CurveRowOut(Wire):
    """Mean validation accuracies at an epoch, one for each equation."""

    epoch: float
    means: list[float | None]


class FieldOut(Wire):
    """A field of the specs, in words."""

    name: str
    values: list[str]
    differs: bool


class ComparedSearchOut(Wire):
    """One of the searches, with its course."""

    search: SearchOut
    course: CourseOut


class SideBySideOut(Wire):
    """``equations``, plain backprop first, with ``places``, ``settings`` ``curves``;
    or ``searches`` with ``pairs``, those of one setting. ``fields`` are of the settings, or of the
    specs."""

    equations: list[ComparedEquationOut] | None = None
    places: list[PlaceOut] | None = None
    settings: list[SettingBlockOut] | None = None
    curves: list[CurveRowOut] | None = None
    searches: list[ComparedSearchOut] | None = None
    pairs: list[ComparisonOut] | None = None
    fields: list[FieldOut]

    @classmethod
    def of_equations(cls, found: ComparedEquations) -> SideBySideOut:
        """As they were computed."""
        beside = found.side_by_side
        return cls(
            equations=[
                ComparedEquationOut(
                    fingerprint=each.fingerprint,
                    method=MethodOut.of(each.method),
                    trainings=len(each.trainings),
                    is_cut=each.is_cut,
                    rates={f"{rate:g}": count for rate, count in rates.items()},
                )
                for each, rates in zip(beside.equations, found.rates, strict=True)
            ],
            places=[PlaceOut.model_validate(each) for each in beside.places],
            settings=[SettingBlockOut.model_validate(each) for each in beside.blocks],
            curves=[CurveRowOut.model_validate(each) for each in found.curves],
            fields=[FieldOut.model_validate(each) for each in found.fields],
        )

    @classmethod
    def of_searches(cls, found: ComparedSearches) -> SideBySideOut:
        """As they were computed."""
        return cls(
            searches=[
                ComparedSearchOut(
                    search=SearchOut.of(each.search), course=CourseOut.model_validate(each.course)
                )
                for each in found.searches
            ],
            pairs=[ComparisonOut.of(each) for each in found.pairs],
            fields=[FieldOut.model_validate(each) for each in found.fields],
        )
