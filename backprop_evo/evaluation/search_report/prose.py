"""Markdown: the report for a repository, an issue or a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator

from backprop_evo.evaluation.search_report.circumstances import FILE, Facts
from backprop_evo.evaluation.search_report.report import SearchReport
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
from backprop_evo.wording import percent

MARKS = {**{sign: f"\\{sign}" for sign in "\\`*_[]<>#|~$"}, "\n": " "}


def as_markdown(report: SearchReport) -> str:
    """GitHub's dialect, whose tables have a line each."""
    return "\n".join(_parts(report)).rstrip() + "\n"


def _parts(report: SearchReport) -> Iterator[str]:
    yield f"# {plain(report.name)}\n"
    yield f"**{plain(report.headline)}**\n"
    yield from (f"- {plain(each)}" for each in report.remarks)
    if report.equation is not None:
        title = "Best of what was confirmed" if report.is_confirmed else "Fittest so far, not confirmed"
        yield f"\n{title}: {code(method_words(report.equation))}\n"
    yield from _grid(stages_grid(report), level=2)
    for named in report.tables:
        yield f"\n## {plain(named.role.capitalize())}\n"
        for grid in evaluation_grids(named.table):
            yield from _grid(grid, level=3)
        yield from (f"{plain(each)}\n" for each in named.table.remarks)
    if report.confirmed:
        yield "\n## Confirmed, without verdicts\n"
        yield from _grid(confirmed_grid(report), level=3)
    if report.horizons:
        yield "\n## Difference to plain backprop over the number of steps\n"
        yield "Validation accuracy, paired by seed.\n"
        for each in report.horizons:
            yield f"\n{plain(each.circumstances)}\n"
            yield from _grid(horizon_grid(each), level=3)
    yield "\n## Course\n"
    if report.comparison is not None:
        yield f"{plain(report.comparison.sentence)}\n"
    yield from _grid(courses_grid(report), level=3)
    if report.comparison is not None:
        yield from (f"{plain(each)}\n" for each in report.comparison.remarks)
    if report.lineage:
        yield "\n## Lineage\n"
        yield from _grid(lineage_grid(report), level=3)
    yield "\n## What was asked for\n"
    yield from _facts(report.circumstances)
    yield f"\n## To repeat it\n\nSave this as `{FILE}`:\n"
    yield "```json\n" + json.dumps(report.document, indent=2, ensure_ascii=False) + "\n```\n"
    yield f"```sh\n{report.command}\n```\n"
    yield f"{plain(report.replay)}\n"
    yield "\n## Environment\n"
    yield from _facts(report.environment) if report.environment else ("Nothing has been trained yet.",)


def _facts(facts: Facts) -> Iterator[str]:
    yield from (f"- **{plain(name)}**: {plain(value)}" for name, value in facts)


def _grid(grid: Grid, *, level: int) -> Iterator[str]:
    if grid.title:
        yield f"\n{'#' * level} {plain(grid.title)}\n"
    yield f"| {' | '.join(plain(head) for head in grid.heads)} |"
    last = grid.rows[0] if grid.rows else (Cell(""),) * len(grid.heads)
    yield "|" + "|".join(" ---: " if cell.kind == "number" else " --- " for cell in last) + "|"
    for row in grid.rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    yield ""
    yield from (f"{plain(note)}\n" for note in grid.notes)


def _cell(cell: Cell) -> str:
    if cell.share is not None:
        return f"{percent(cell.share, 0)} %"
    return code(cell.text).replace("|", "\\|") if cell.kind == "code" and cell.text else plain(cell.text)


def code(text: str) -> str:
    """In as many backticks as it takes."""
    marks = "`"
    while marks in text:
        marks += "`"
    inner = f" {text} " if text.startswith("`") or text.endswith("`") else text
    return f"{marks}{inner.replace(chr(10), ' ')}{marks}"


def plain(text: str) -> str:
    """So that nothing in it is a mark."""
    return "".join(MARKS.get(sign, sign) for sign in text)
