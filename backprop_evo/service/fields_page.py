"""The tables of ``docs/search.md``, from the specs: ``python -m backprop_evo.service.fields_page PAGE``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

from backprop_evo.records.described import Panel
from backprop_evo.service.spec_fields import SpecField, search_fields

BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"


def tables() -> str:
    """Every field of a search as Markdown, a table a panel."""
    return "\n\n".join(_table(panel) for panel in get_args(Panel))


def with_tables(page: str) -> str:
    """``page`` with the present tables between its marks."""
    return f"{page.split(BEGIN)[0]}{BEGIN}\n\n{tables()}\n\n{END}{page.split(END)[1]}"


def _table(panel: Panel) -> str:
    rows = [_row(each) for each in search_fields() if each.panel == panel]
    lines = [(panel, "option", "default", "has to be", ""), ("---",) * 5, *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _row(field: SpecField) -> tuple[str, ...]:
    wanted = ", ".join(f"`{name}`" for name in field.choices)
    wanted = field.told.wanted or wanted
    return f"`{field.dotted}`", f"`{field.option}`", field.empty, wanted, field.told.help


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
