"""Numbers that are given to studies are refused in words where they make no sense."""

from argparse import ArgumentTypeError

import pytest

from benchmarks.arguments import whole_number


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0", "at least 1 and at most 9, not 0"),
        ("10", "at most 9, not 10"),
        ("many", "'many' is no whole number"),
    ],
)
def test_what_is_no_such_number_is_named(text: str, told: str) -> None:
    with pytest.raises(ArgumentTypeError, match=told):
        whole_number(1, 9)(text)


def test_bounds_are_numbers_too() -> None:
    assert [whole_number(1, 9)(each) for each in ("1", "9")] == [1, 9]
    assert whole_number()("1000000") == 1_000_000
