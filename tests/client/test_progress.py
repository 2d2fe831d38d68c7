"""The bars that are drawn while a program waits."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from backprop_evo.client.progress import bar


def test_nothing_is_drawn_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with bar(False) as show:
        show(1, 2, "words")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_words_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with bar(True) as show:
        show(1, 2, "[bold]: running")
    assert "[bold]: running" in capsys.readouterr().err


def test_a_notebook_draws_one_bar_anew_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    class Place:
        def update(self, value: Any) -> None:
            drawn.append(value._repr_html_())

    def display(value: Any, *, display_id: bool) -> Place:
        drawn.append(value._repr_html_())
        return Place()

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    with bar(True) as show:
        show(1, 4, "<b>: running")
        show(1, 4, "<b>: running")
        show(2, 4, "s: running")
    assert drawn == [
        '<progress value="1" max="4"></progress> 1 of 4: &lt;b&gt;: running',
        '<progress value="2" max="4"></progress> 2 of 4: s: running',
    ]
