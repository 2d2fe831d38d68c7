"""The formats in which a table is taken away, each in one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.exports import as_csv, as_json, as_latex
from backprop_evo.evaluation.report import as_html
from backprop_evo.evaluation.table import EvaluationTable, Outcome

Write = Callable[[EvaluationTable, Sequence[Outcome], Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Format:
    """``write`` takes the table, what each training gave, and the evaluation's document. One that
    ``draws_curves`` is given trainings with their curves, which are dear to read."""

    name: str
    media_type: str
    suffix: str
    write: Write
    draws_curves: bool = False


_ROWS = (
    Format("json", "application/json", "json", lambda table, _outcomes, _spec: as_json(table)),
    Format("csv", "text/csv", "csv", lambda table, _outcomes, _spec: as_csv(table)),
    Format("latex", "application/x-tex", "tex", lambda table, _outcomes, _spec: as_latex(table)),
    Format("html", "text/html", "html", as_html, draws_curves=True),
)
FORMATS: Mapping[str, Format] = {each.name: each for each in _ROWS}


def find_format(name: str) -> Format:
    """Raises ``InvalidInput``."""
    if name not in FORMATS:
        raise InvalidInput(f"no format is called {name[:40]!r}", hint=f"known: {', '.join(FORMATS)}")
    return FORMATS[name]
