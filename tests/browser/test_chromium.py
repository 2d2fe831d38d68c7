"""Which browser is taken, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.browser import chromium
from tests.browser.conftest import without_browser


def playwright_with(path: Path) -> Any:
    return SimpleNamespace(chromium=SimpleNamespace(executable_path=str(path)))


@pytest.fixture
def nothing_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "on_path", lambda: None)


def test_the_one_on_the_path_is_taken_and_nothing_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chromium, "on_path", lambda: "/somewhere/chromium")
    fetched: list[int] = []
    found = chromium.executable(playwright_with(tmp_path / "none"), (lambda: fetched.append(1),))
    assert (found, fetched) == ("/somewhere/chromium", [])


def test_the_first_way_that_brings_one_is_the_last(nothing_on_path: None, tmp_path: Path) -> None:
    own, fetched = tmp_path / "chrome", list[str]()

    def brings() -> None:
        fetched.append("first")
        own.touch()

    found = chromium.executable(playwright_with(own), (brings, lambda: fetched.append("second")))
    assert (found, fetched) == (str(own), ["first"])


def test_where_none_can_be_had_it_is_said_loudly_and_fails_where_it_counts(
    nothing_on_path: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(chromium.NoBrowser, match="install chromium") as reason:
        chromium.executable(playwright_with(tmp_path / "none"), (lambda: None,))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="untested"):
        without_browser(reason.value)
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="UNTESTED"):
        without_browser(reason.value)
