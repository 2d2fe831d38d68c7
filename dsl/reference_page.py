"""The tables of ``docs/language.md``, from those of the language: ``python -m dsl.reference_page``."""

from __future__ import annotations

import sys
from pathlib import Path

from dsl.canonical import REWRITES
from dsl.equation import Operand
from dsl.known import KNOWN
from dsl.notation import grid_text, operand_text
from dsl.primitives import BINARIES, OPERANDS, STATISTICS, UNARIES, Shape
from dsl.printing import to_latex, unary_layout
from dsl.shapes import PRODUCTS

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def tables() -> str:
    """Every row of the language as Markdown."""
    parts: list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = [
        ("Operands", ("text", "LaTeX", "shape", "also understood", "source", "decision"), _operands()),
        ("Running statistics of every operand", ("text", "name", "decision"), _statistics()),
        (
            "Unary functions",
            ("text", "name", "LaTeX", "constants", "also understood", "decision"),
            _unaries(),
        ),
        ("Binary functions", ("text", "name", "shapes", "decision"), _binaries()),
        ("Products", ("left", "@ right = result"), _products()),
        ("Rewrites of the canonical form", ("rewrite", "says"), [(r.name, r.formula) for r in REWRITES]),
        ("Known equations", ("key", "text", "LaTeX", "source"), _known()),
    ]
    return "\n\n".join(f"## {title}\n\n{_table(head, rows)}" for title, head, rows in parts)


def with_tables(page: str) -> str:
    """``page`` with the present tables between its marks."""
    return f"{page.split(BEGIN)[0]}{BEGIN}\n\n{tables()}\n\n{END}{page.split(END)[1]}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _code(*texts: str) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _math(latex: str) -> str:
    return f"${latex}$"


def _operands() -> list[tuple[str, ...]]:
    return [
        (
            _code(row.text),
            _math(row.layout.latex),
            row.shape.value,
            _code(*row.also),
            row.source,
            row.decision,
        )
        for row in OPERANDS.values()
    ]


def _statistics() -> list[tuple[str, ...]]:
    return [(_code(operand_text(Operand("g", name))), name, row.decision) for name, row in STATISTICS.items()]


def _unaries() -> list[tuple[str, ...]]:
    return [
        (_code(row.text), row.name, _math(unary_layout(row)), grid_text(row), _code(*row.also), row.decision)
        for row in UNARIES.values()
    ]


def _binaries() -> list[tuple[str, ...]]:
    return [(_code(row.text), row.name, row.shape, row.decision) for row in BINARIES.values()]


def _products() -> list[tuple[str, ...]]:
    return [
        (left.value, "; ".join(f"@ {right.value} = {PRODUCTS[left, right].value}" for right in rights))
        for left in Shape
        if (rights := [right for right in Shape if (left, right) in PRODUCTS])
    ]


def _known() -> list[tuple[str, ...]]:
    return [(row.key, _code(row.text), _math(to_latex(row.equation)), row.source) for row in KNOWN.values()]


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/language.md")
    path.write_text(with_tables(path.read_text()))
