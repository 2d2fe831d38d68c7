"""The formats in which a report is taken away, each in one row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.search_report.page import as_html
from backprop_evo.evaluation.search_report.prose import as_markdown
from backprop_evo.evaluation.search_report.report import SearchReport


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """One of them; ``write`` gives the whole document."""

    name: str
    media_type: str
    suffix: str
    write: Callable[[SearchReport], str]


def as_json(report: SearchReport) -> str:
    """Everything that the others say, for programs."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_ROWS = (
    ReportFormat("html", "text/html", "html", as_html),
    ReportFormat("markdown", "text/markdown", "md", as_markdown),
    ReportFormat("json", "application/json", "json", as_json),
)
REPORT_FORMATS: Mapping[str, ReportFormat] = {each.name: each for each in _ROWS}


def find_report_format(name: str) -> ReportFormat:
    """Raises ``InvalidInput``."""
    if name not in REPORT_FORMATS:
        raise InvalidInput(
            f"no format of a report is called {name[:40]!r}", hint=f"known: {', '.join(REPORT_FORMATS)}"
        )
    return REPORT_FORMATS[name]
