"""The table as CSV, JSON and LaTeX. Accuracies are in [0, 1] for programs, in per cent for people."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any

from backprop_evo.evaluation.table import EvaluationTable, TableRow
from backprop_evo.records.stored import Accuracies
from backprop_evo.wording import spread

COLUMNS = (
    *("setting", "setting_id", "method", "is_baseline", "is_control", "n"),
    *("validation_mean", "validation_std", "test_mean", "test_std", "failures"),
    *("difference", "low", "high", "pairs", "p", "p_adjusted", "finding", "verdict"),
)

_LATEX_SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "…": r"\dots{}",
    "–": "--",
    "±": r"$\pm$",
    "<": "$<$",
    ">": "$>$",
}


def as_json(table: EvaluationTable) -> str:
    """The whole table; the same text for the same results."""
    return json.dumps(asdict(table), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(table: EvaluationTable) -> str:
    """One line a row; the remarks are left to formats that have a place for them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for block in table.blocks:
        for row in block.rows:
            writer.writerow([block.setting, block.setting_id, *_cells(row)])
    return out.getvalue()


def _cells(row: TableRow) -> list[Any]:
    failures = " ".join(f"{state}={count}" for state, count in row.failures.items())
    numbers = (row.difference, row.low, row.high, row.pairs, row.p, row.p_adjusted)
    return [
        _unspoilt(row.text),
        row.is_baseline,
        row.is_control,
        row.n,
        *_mean_and_std(row.validation),
        *_mean_and_std(row.test),
        failures,
        *numbers,
        row.finding,
        row.verdict,
    ]


def _unspoilt(text: str) -> str:
    """A spreadsheet carries out what begins like a formula: as text it does no harm."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def _mean_and_std(found: Accuracies | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.mean, found.std)


def as_latex(table: EvaluationTable) -> str:
    """A ``tabular`` that any document takes without a package, and its remarks as comments."""
    tested = table.compared_by == "test"
    head = ["method", r"validation, \%", *([r"test, \%"] if tested else []), "$n$", "verdict"]
    lines = [f"% {remark}" for remark in table.remarks]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(head) - 2)}l}}", r"\hline", _line(head), r"\hline"]
    for block in table.blocks:
        lines.append(rf"\multicolumn{{{len(head)}}}{{l}}{{\textit{{{_tex(block.setting)}}}}} \\")
        for row in block.rows:
            control = " (control)" if row.is_control else ""
            cells = [rf"\texttt{{{_tex(row.text)}}}{control}", _tex(percentages(row.validation))]
            cells += [_tex(percentages(row.test))] if tested else []
            lines.append(
                _line([*cells, str(row.n), "baseline" if row.is_baseline else _tex(row.verdict or "")])
            )
        if block.noise_floor:
            lines.append(rf"\multicolumn{{{len(head)}}}{{l}}{{{_tex(block.noise_floor)}}} \\")
        lines.append(r"\hline")
    return "\n".join([*lines, r"\end{tabular}", ""])


def percentages(found: Accuracies | None) -> str:
    """Mean ± standard deviation in per cent."""
    return "–" if found is None else spread(found.mean, found.std)


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _tex(text: str) -> str:
    return "".join(_LATEX_SIGNS.get(sign, sign) for sign in text)
