"""The tables of a report, as heads and cells of text: formats differ in their marks alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backprop_evo.evaluation.exports import percentages
from backprop_evo.evaluation.search_report.findings import points
from backprop_evo.evaluation.search_report.horizons import Horizons
from backprop_evo.evaluation.search_report.report import SearchReport
from backprop_evo.evaluation.table import Block, EvaluationTable, method_words
from backprop_evo.wording import UNKNOWN, duration, percent

MOST_POINTS = 12
"""Rows of one method in the table of differences; a drawing has them all."""


@dataclass(frozen=True, slots=True)
class Cell:
    """``kind``: text, code (an equation) or number. ``share``: of a whole, in [0, 1], in place of a text."""

    text: str
    kind: str = "text"
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; ``notes`` are sentences below it. Every row has as many cells as there are heads."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def number(text: str) -> Cell:
    """Set to the right."""
    return Cell(text, "number")


def stages_grid(report: SearchReport) -> Grid:
    """The funnel."""
    whole = sum(each.worker_s or 0.0 for each in report.stages if each.name != "trained")
    rows = tuple(
        (
            Cell(f"− {each.name}" if each.ended else each.name),
            number(f"{each.equations:,}"),
            number(UNKNOWN if each.worker_s is None else duration(each.worker_s)),
            Cell("") if each.worker_s is None else Cell("", share=each.worker_s / (whole or 1.0)),
            Cell(each.told),
        )
        for each in report.stages
    )
    note = f"Workers spent {duration(whole)} on all of it. A − marks equations that went no further."
    return Grid("The funnel", ("stage", "equations", "worker time", "of all", ""), rows, (note,))


def evaluation_grids(table: EvaluationTable) -> Iterator[Grid]:
    """A table for each setting."""
    for block in table.blocks:
        yield _block_grid(block, table)


def _block_grid(block: Block, table: EvaluationTable) -> Grid:
    tested = table.compared_by == "test"
    heads = ["method", "validation, %", *(["test, %"] if tested else []), "n", "against plain backprop"]
    rows = []
    for row in block.rows:
        name = row.text + (" (control)" if row.is_control else "")
        cells = [Cell(name, "code"), number(percentages(row.validation))]
        cells += [number(percentages(row.test))] if tested else []
        rows.append((*cells, number(str(row.n)), Cell("baseline" if row.is_baseline else row.verdict or "")))
    notes = (f"{block.noise_floor[0].upper()}{block.noise_floor[1:]}.",) if block.noise_floor else ()
    return Grid(f"{block.setting} ({block.setting_id})", tuple(heads), tuple(rows), notes)


def confirmed_grid(report: SearchReport) -> Grid:
    """Of searches that gave no verdicts."""
    rows = tuple(
        (
            Cell(each.text + (" (plain backprop)" if each.is_baseline else ""), "code"),
            number(percentages(each.validation)),
            number(percentages(each.test)),
            number(str(each.validation.n)),
        )
        for each in report.confirmed
    )
    return Grid("", ("method", "validation, %", "test, %", "n"), rows)


def horizon_grid(horizons: Horizons) -> Grid:
    """Differences over steps in numbers."""
    rows = []
    for line in horizons.lines:
        every = -(-len(line.points) // MOST_POINTS)
        name = line.method + (" (control)" if line.is_control else "")
        for point in reversed(line.points[::-1][::every]):
            interval = UNKNOWN
            if point.low is not None and point.high is not None:
                interval = f"{points(point.low)} … {points(point.high)}"
            rows.append(
                (
                    Cell(name, "code"),
                    number(f"{point.steps:,}"),
                    number(points(point.difference)),
                    number(interval),
                    number(str(point.n)),
                    number(percent(point.backprop)),
                )
            )
    heads = ("method", "steps", "difference, points", "95 % interval", "n", "plain backprop, %")
    return Grid("", heads, tuple(rows))


def courses_grid(report: SearchReport) -> Grid:
    """What each search had found at its end."""
    rows = tuple(
        (
            Cell(each.name),
            number(f"{each.course.trainings:,}"),
            number(duration(each.course.worker_s)),
            number(percent(each.course.best_after())),
            number(percent(each.course.learning_share, 0)),
        )
        for each in report.courses
    )
    heads = ("search", "trainings", "trained for", "best fitness, %", "proposals that learn, %")
    fitness = "Fitness is of one training, of the best of some: a best of many is luck too, and no proof."
    backprop = f" Plain backprop's is {percent(report.backprop)} %." if report.backprop is not None else ""
    return Grid("", heads, rows, (fitness + backprop,))


def lineage_grid(report: SearchReport) -> Grid:
    """The chain of ancestors."""
    rows = tuple(
        (
            number(f"{each.number}"),
            Cell(each.change or each.origin),
            Cell(method_words(each.method), "code"),
            number(percent(each.fitness)),
            number(UNKNOWN if each.trial is None else f"{each.trial:,}"),
        )
        for each in report.lineage
    )
    return Grid("", ("no.", "what changed", "equation", "fitness, %", "trial"), rows)
