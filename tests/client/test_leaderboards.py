"""A leaderboard as a sequence, as columns, as a frame, and as a table of a notebook."""

import sys
from dataclasses import replace
from typing import Any

import pytest

from backprop_evo.client import Leaderboard
from backprop_evo.errors import Unavailable


@pytest.fixture
def board(client: Any, seed: Any) -> Leaderboard:
    found: Leaderboard = client.search(seed.search_id).leaderboard()
    return found


def test_it_is_a_sequence_of_rows(board: Leaderboard) -> None:
    assert len(board) == len(list(board)) == len(board.rows)
    assert board[0] is board.rows[0]
    assert board[:2] == Leaderboard(board.rows[:2])
    assert board.best is not None
    assert not board.best.is_baseline
    assert Leaderboard(()).best is None


def test_columns_are_flat_and_whole(board: Leaderboard) -> None:
    columns = board.columns()
    assert {len(each) for each in columns.values()} == {len(board)}
    assert columns["validation_mean"] == [row.validation.mean for row in board]
    assert columns["test_n"] == [None if row.test is None else row.test.n for row in board]
    assert columns["method"] == [row.method.text for row in board]


def test_a_frame_has_the_columns(board: Leaderboard) -> None:
    frame = board.to_pandas()
    assert list(frame.columns) == list(board.columns())
    assert frame["validation_mean"].tolist() == [row.validation.mean for row in board]
    assert frame["rank"].tolist() == [row.rank for row in board]
    assert Leaderboard(()).to_pandas().shape == (0, len(board.columns()))


def test_without_pandas_it_says_what_to_do(board: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(Unavailable, match="pandas") as caught:
        board.to_pandas()
    assert "pip install pandas" in str(caught.value.hint)


def test_a_notebook_shows_a_table_with_nothing_of_it_as_markup(board: Leaderboard) -> None:
    html = board._repr_html_()
    assert html.count("<tr>") == 1 + len(board)
    assert "<td>36.7 (1)</td>" not in html
    assert "<td>36.0 ± 1.0 (3)</td>" in html
    hostile = replace(board[0], method=replace(board[0].method, text="<script>"))
    assert "<script>" not in Leaderboard((hostile,))._repr_html_()
