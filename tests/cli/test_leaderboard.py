"""``backprop-evo leaderboard``: rows of one search, of one setting, of each setting, and the settings."""

import json
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from backprop_evo.cli import leaderboard, search
from backprop_evo.cli.main import app
from backprop_evo.cli.tables import settings_table
from backprop_evo.client import Client

SETTINGS = {"aaaaaaaaaaaa": "mlp-8, cifar10-mini, 1 epochs", "bbbbbbbbbbbb": "mlp-8, cifar10-mini, 20 epochs"}


def row(setting: str, rank: int) -> dict[str, Any]:
    text = f"{rank}.0 * g"
    return {
        "rank": rank,
        "setting_id": setting,
        "method": {"name": "equation", "settings": {"text": text}, "text": text},
        "validation": {"mean": 0.4123, "std": 0.008, "n": 3},
        "test": None,
        "learning_rate": 0.01,
        "is_baseline": rank == 2,
        "is_yardstick": False,
        "is_control": False,
        "confirmed": True,
        "starred": rank == 3,
    }


ROWS = {setting: [row(setting, rank) for rank in (1, 2, 3)] for setting in SETTINGS}
LISTED = [
    {
        "id": setting,
        "description": description,
        "results": 3,
        "best": ROWS[setting][0],
        "baseline": {"mean": 0.361, "std": 0.01, "n": 5} if setting.startswith("a") else None,
    }
    for setting, description in SETTINGS.items()
]


def answer(request: httpx2.Request) -> httpx2.Response:
    path, asked = request.url.path.removeprefix("/api/v1"), request.url.params
    if path == "/leaderboard/settings":
        return httpx2.Response(200, json={"items": LISTED, "next_cursor": None})
    if path == "/leaderboard/settings/bbbbbbbbbbbb":
        return httpx2.Response(200, json=LISTED[1])
    if path == "/leaderboard":
        rows = ROWS[asked["setting"]][: int(asked["limit"])]
        return httpx2.Response(200, json={"items": rows, "next_cursor": None})
    if path == "/searches/3f0a5c":
        said = {"id": "aaaaaaaaaaaa", "description": SETTINGS["aaaaaaaaaaaa"]}
        return httpx2.Response(200, json={"id": "3f0a5c", "setting": said})
    if path == "/searches/3f0a5c/leaderboard":
        return httpx2.Response(200, json={"items": ROWS["aaaaaaaaaaaa"], "next_cursor": None})
    return httpx2.Response(404, json={"detail": "no such setting", "hint": "list them"})


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    monkeypatch.setattr(leaderboard, "Client", client)
    monkeypatch.setattr(search, "Client", client)


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["leaderboard", *words], env={"COLUMNS": "140"})


def test_every_setting_has_its_own_ranking_under_its_own_name() -> None:
    text = run().stdout
    first, second = (text.index(f"setting {each}: {SETTINGS[each]}") for each in SETTINGS)
    assert first < text.index("3.0 * g") < second < text.rindex("3.0 * g")
    assert text.count("backprop, confirmed") == 2


def test_the_limit_is_of_each_setting_and_json_says_whose_row_it_is() -> None:
    rows = json.loads(run("--limit", "2", "--json").stdout)
    assert rows == [each for setting in SETTINGS for each in ROWS[setting][:2]]


def test_the_starred_are_asked_for_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def heard(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.params.get("starred"))
        return answer(request)

    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(heard))

    monkeypatch.setattr(leaderboard, "Client", client)
    assert run("--setting", "bbbbbbbbbbbb", "--starred").stdout.count("starred") == 1
    assert asked == [None, "true"]


def test_one_setting() -> None:
    text = run("--setting", "bbbbbbbbbbbb").stdout
    assert "setting bbbbbbbbbbbb: mlp-8, cifar10-mini, 20 epochs" in text
    assert "aaaaaaaaaaaa" not in text


def test_one_search_says_its_setting_on_top() -> None:
    lines = run("3f0a5c").stdout.splitlines()
    assert lines[0].strip() == "setting aaaaaaaaaaaa: mlp-8, cifar10-mini, 1 epochs"


def test_the_settings_with_what_they_hold() -> None:
    text = run("--settings").stdout
    for part in (*SETTINGS, *SETTINGS.values(), "1.0 * g", "41.2 ± 0.8 (3)", "36.1 ± 1.0 (5)"):
        assert part in text
    assert json.loads(run("--settings", "--json").stdout) == LISTED
    assert settings_table([]).row_count == 0


@pytest.mark.parametrize(
    "words", [("3f0a5c", "--settings"), ("--setting", "x", "--settings"), ("3f0a5c", "--setting", "x")]
)
def test_what_excludes_each_other_is_said(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert "exclude each other" in done.stderr


def test_an_unknown_setting_is_an_error_with_a_hint() -> None:
    done = run("--setting", "cccccccccccc")
    assert done.exit_code != 0
    assert "no such setting" in done.stderr
    assert "list them" in done.stderr


def test_no_results_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "LISTED", [])
    assert run().stdout.strip() == "Nothing has finished yet."
    assert json.loads(run("--json").stdout) == []
