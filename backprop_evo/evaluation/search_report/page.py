"""HTML: one self-contained file without a script, in light, in dark and on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.courses import Course
from backprop_evo.evaluation.search_report.circumstances import FILE, Facts
from backprop_evo.evaluation.search_report.drawing import NARROW, Line, line_chart
from backprop_evo.evaluation.search_report.horizons import Horizons
from backprop_evo.evaluation.search_report.report import SearchReport
from backprop_evo.evaluation.search_report.style import STYLE
from backprop_evo.evaluation.search_report.tabular import (
    Cell,
    Grid,
    confirmed_grid,
    courses_grid,
    evaluation_grids,
    horizon_grid,
    lineage_grid,
    stages_grid,
)
from backprop_evo.evaluation.table import method_words
from backprop_evo.records.methods import MethodSpec
from backprop_evo.training.methods import method_of
from backprop_evo.wording import HOUR_S, MINUTE_S, percent


def as_html(report: SearchReport) -> str:
    """The whole document."""
    title = escape(report.name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><style>{STYLE}</style></head>'
        "<body>\n" + "\n".join(_parts(report)) + "\n</body></html>\n"
    )


def _parts(report: SearchReport) -> Iterator[str]:
    yield f'<p class="kind">Search <code>{escape(report.search_id)}</code>, {escape(report.state)}</p>'
    yield f"<h1>{escape(report.name)}</h1>"
    yield f'<p class="lead">{escape(report.headline)}</p>'
    if report.equation is not None:
        title = "Best of what was confirmed" if report.is_confirmed else "Fittest so far, not confirmed"
        yield f'<div class="equation"><p class="kind">{title}</p>{mathematics(report.equation)}'
        yield f"<p><code>{escape(method_words(report.equation))}</code></p></div>"
    yield f'<ul class="remarks">{"".join(f"<li>{escape(each)}</li>" for each in report.remarks)}</ul>'
    yield _grid(stages_grid(report), level=2)
    for named in report.tables:
        yield f"<h2>{escape(named.role.capitalize())}</h2>"
        yield from (_grid(grid, level=3) for grid in evaluation_grids(named.table))
        yield from (f"<p>{escape(each)}</p>" for each in named.table.remarks)
    if report.confirmed:
        yield "<h2>Confirmed, without verdicts</h2>" + _grid(confirmed_grid(report), level=3)
    yield from _horizons(report)
    yield from _courses(report)
    if report.lineage:
        yield "<h2>Lineage</h2>" + _grid(lineage_grid(report), level=3)
    yield f"<h2>What was asked for</h2>{_facts(report.circumstances)}"
    yield f"<h2>To repeat it</h2><p>Save this as <code>{FILE}</code>:</p>"
    yield f"<pre>{escape(json.dumps(report.document, indent=2, ensure_ascii=False))}</pre>"
    yield f"<pre>{escape(report.command)}</pre><p>{escape(report.replay)}</p><h2>Environment</h2>"
    yield _facts(report.environment) if report.environment else "<p>Nothing has been trained yet.</p>"


def mathematics(method: MethodSpec) -> str:
    """As MathML, which browsers draw by themselves; as text if this version does not know the method."""
    try:
        return method_of(method).mathml()
    except InvalidInput:
        return f"<code>{escape(method_words(method))}</code>"


def _horizons(report: SearchReport) -> Iterator[str]:
    if not report.horizons:
        return
    yield "<h2>Difference to plain backprop over the number of steps</h2>"
    yield "<p>In points of validation accuracy, paired by seed; bands are 95 % intervals.</p>"
    for each in report.horizons:
        numbers = _grid(horizon_grid(each), level=3)
        lines = _lines(each)
        # One point of each is no course: the numbers say more.
        if max(len(line.points) for line in lines) > 1:
            title = each.circumstances
            yield line_chart(title, lines, x_label="steps", y_label="difference, points", zero=True)
            numbers = f"<details><summary>The same in numbers</summary>{numbers}</details>"
        else:
            numbers = f"<h3>{escape(each.circumstances)}</h3>{numbers}"
        yield numbers


def _lines(horizons: Horizons) -> list[Line]:
    return [
        Line(
            label=line.method + (" (control)" if line.is_control else ""),
            points=[(point.steps, 100 * point.difference) for point in line.points],
            band=[
                (point.steps, 100 * point.low, 100 * point.high)
                for point in line.points
                if point.low is not None and point.high is not None and not line.is_control
            ],
            is_faint=line.is_control,
        )
        for line in horizons.lines
    ]


def _courses(report: SearchReport) -> Iterator[str]:
    yield "<h2>Course</h2>"
    if report.comparison is not None:
        yield f"<p>{escape(report.comparison.sentence)}</p>"
    longest = max(each.course.worker_s for each in report.courses)
    unit, name = (HOUR_S, "hours") if longest >= HOUR_S else (MINUTE_S, "minutes")
    yield '<div class="charts">'
    for title, unit_s, x_label in (
        ("Best fitness over trainings", None, "trainings"),
        ("Best fitness over the time of training", unit, f"{name} of a worker"),
    ):
        lines = _course_lines(report, unit_s)
        yield line_chart(title, lines, x_label=x_label, y_label="best so far, %", width=NARROW)
    yield f"</div>{_grid(courses_grid(report), level=3)}"
    if report.comparison is not None:
        yield from (f'<p class="note">{escape(each)}</p>' for each in report.comparison.remarks)


def _course_lines(report: SearchReport, unit_s: float | None) -> list[Line]:
    def along(course: Course) -> list[float]:
        return [each.trainings if unit_s is None else each.worker_s / unit_s for each in course.points]

    lines = [
        Line(
            label=each.name,
            points=[
                (x, 100 * point.fitness)
                for x, point in zip(along(each.course), each.course.points, strict=True)
            ],
            is_step=True,
            is_faint=each.is_counterpart,
        )
        for each in report.courses
    ]
    ends = [x for each in report.courses for x in along(each.course)]
    if report.backprop is not None and ends:
        level = 100 * report.backprop
        points = [(0.0, level), (max(ends), level)]
        lines.append(Line(label="plain backprop, one training", points=points, is_step=True, is_faint=True))
    return lines


def _facts(facts: Facts) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<dl>{rows}</dl>"


def _grid(grid: Grid, *, level: int) -> str:
    title = f"<h{level}>{escape(grid.title)}</h{level}>" if grid.title else ""
    kinds = [cell.kind for cell in grid.rows[0]] if grid.rows else ["text"] * len(grid.heads)
    heads = "".join(
        f'<th scope="col"{_class(kind)}>{escape(head)}</th>'
        for head, kind in zip(grid.heads, kinds, strict=True)
    )
    rows = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in grid.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in grid.notes)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'{title}<div class="scroll">{table}</div>{notes}'


def _class(kind: str) -> str:
    return ' class="num"' if kind == "number" else ""


def _cell(cell: Cell) -> str:
    if cell.share is not None:
        # The number has its place beside the longest bar.
        bar = f'<span class="bar" style="width:{60 * cell.share:.0f}%"></span>'
        return f"<td>{bar}{percent(cell.share, 0)} %</td>"
    text = escape(cell.text)
    return f"<td{_class(cell.kind)}>{f'<code>{text}</code>' if cell.kind == 'code' else text}</td>"
