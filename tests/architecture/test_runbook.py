"""What operators are told is shown: every row of the two tables names a test, and it is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
TABLES = ("What happens when …", "Runbook")
SHOWN = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows(title: str) -> list[str]:
    """Of the table under that heading, without its head."""
    part = PAGE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [line for line in part.splitlines() if line.startswith("| ")][1:]


@cache
def names_in(file: str) -> frozenset[str]:
    """Names of its tests, read without running anything."""
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module(body=[], type_ignores=[])
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def wrong(row: str) -> str | None:
    """What is wrong with a row, in words."""
    cells = [cell.strip() for cell in row.strip().strip("|").split(" | ")]
    if len(cells) != 3:
        return f"{len(cells)} cells: {row[:80]}"
    named = SHOWN.findall(cells[-1])
    if not named:
        return f"names no test: {row[:80]}"
    missing = [f"{file}::{name}" for file, name in named if name not in names_in(file)]
    return f"is not there: {missing}" if missing else None


@pytest.mark.parametrize("title", TABLES)
def test_every_row_names_a_test_that_is_there(title: str) -> None:
    found = rows(title)
    assert len(found) > 20
    assert [told for row in found if (told := wrong(row))] == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("| a | b | `tests/architecture/test_runbook.py::test_nothing_of_the_kind` |", "is not there"),
        ("| a | b | `tests/test_no_file.py::test_a` |", "is not there"),
        ("| a | b | somebody saw it |", "names no test"),
        ("| a | b |", "2 cells"),
    ],
)
def test_what_is_wrong_is_noticed(row: str, told: str) -> None:
    assert told in str(wrong(row))
