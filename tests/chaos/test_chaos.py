"""The study in its short form: seconds a case, the same promises but for those that speak of speed."""

import argparse
from pathlib import Path

import pytest

from tests.chaos.__main__ import parsed, rows
from tests.chaos.setting import REGISTER, SQLITE
from tests.chaos.table import Row, as_table

SHORT = ("--short", "--trainings", "asleep", "--clock", "cpu", "--database", SQLITE)

OF_SPEED = ("p99", "processor time", "progress")
"""What a busy machine cannot promise; the long form does."""


def study(tmp_path: Path, *more: str) -> list[Row]:
    asked: argparse.Namespace = parsed([*SHORT, *more])
    return list(rows(asked, tmp_path))


def broken(found: list[Row]) -> list[Row]:
    return [
        row for row in found if row.holds is False and not any(word in row.must_hold for word in OF_SPEED)
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["storm", "writers", "sizes", "clients", "shares"])
def test_a_case_holds_in_its_short_form(name: str, tmp_path: Path) -> None:
    found = study(tmp_path, "--only", name)
    assert found, name
    assert broken(found) == [], as_table(found)


def test_every_case_of_the_table_is_there() -> None:
    assert list(REGISTER) == ["storm", "faults", "disk", "odd input", "writers", "sizes", "clients", "shares"]


def test_a_table_says_what_does_not_hold_and_what_was_not_tried() -> None:
    held, broken_, untried = (Row("c", SQLITE, "it", "1", holds) for holds in (True, False, None))
    assert [line.split(" | ")[-1] for line in as_table([held, broken_, untried]).splitlines()[2:]] == [
        "yes |",
        "NO |",
        "not tried |",
    ]
