"""``--budget``: the plan before anything is started, with and without a service, and the time left."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from backprop_evo.cli import search as search_commands
from backprop_evo.cli.main import app
from backprop_evo.cli.watching import SearchSnapshot, headline, time_left_s
from backprop_evo.errors import Unavailable
from backprop_evo.records.searching import OPEN_TRIALS

PLAN = {
    "minutes": 120.0,
    "slots": 64,
    "stands_on": "measured on 200 trainings in this setting",
    "measured": 200,
    "rungs": [10, 30],
    "trials": 900,
    "least_minutes": 1.5,
    "stages": [
        {
            "stage": "search",
            "best": None,
            "seeds": None,
            "trainings": 901,
            "steps": 21.5,
            "minutes": 87.5,
            "ends_after_minutes": 87.5,
        },
        {
            "stage": "confirmation",
            "best": 4,
            "seeds": 10,
            "trainings": 70,
            "steps": 62.0,
            "minutes": 31.0,
            "ends_after_minutes": 118.5,
        },
    ],
}


class Service:
    """A client whose service plans, or is not there."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        assert path == "/searches:check"
        assert document["budget"] == 7200.0
        return {"spec": {}, "plan": PLAN, "warnings": ["this is to be known"]}


class Nobody(Service):
    def post(self, *_: Any) -> dict[str, Any]:
        raise Unavailable("nobody answers")


def dry(*words: str) -> Any:
    return CliRunner().invoke(
        app,
        ["search", "submit", "--name", "x", "--budget", "2h", "--dry-run", *words],
        env={"COLUMNS": "150"},
    )


def test_a_dry_run_prints_the_plan_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_commands, "Client", Service)
    done = dry()
    assert done.exit_code == 0, done.output
    assert "plan for 2 h 0 min on 64 slots; measured on 200 trainings in this setting" in done.output
    rows = [line.split() for line in done.output.splitlines()]
    assert ["search", "–", "901", "21.5", "1", "h", "27", "min", "1", "h", "27", "min"] in rows
    assert any(row[:6] == ["confirmation", "4", "×", "10", "70", "62"] for row in rows)
    assert "warning: this is to be known" in done.output


def test_as_json_it_stands_beside_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_commands, "Client", Service)
    told = json.loads(dry("--json").stdout)
    assert told["search"] == {"name": "x", "budget": 7200.0}
    assert told["plan"] == PLAN
    assert told["warnings"] == ["this is to be known"]


def test_without_a_service_it_is_a_guess_for_one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_commands, "Client", Nobody)
    told = json.loads(dry("--json").stdout)
    assert told["plan"]["slots"] == 1
    assert told["plan"]["measured"] == 0
    assert told["plan"]["stages"][0]["stage"] == "search"
    assert any("no service answers" in each for each in told["warnings"])


def test_a_time_that_is_none_is_refused_with_how_to_write_one() -> None:
    done = CliRunner().invoke(app, ["search", "submit", "--name", "x", "--budget", "soon", "--dry-run"])
    assert done.exit_code != 0
    assert "such as 2h, 90m or 1h30m" in done.output


def snapshot(**changes: Any) -> SearchSnapshot:
    search = {
        "state": "running",
        "trials_done": 7,
        "trials_total": OPEN_TRIALS,
        "screened_out": 0,
        "notice": None,
        "spent_s": 100.0,
        "time_left_s": 260.0,
        "spec": {"name": "s", "budget": 360.0},
        **changes,
    }
    return SearchSnapshot(search, [], [], [])


def test_the_time_left_is_that_of_the_budget() -> None:
    assert time_left_s(snapshot()) == 260.0
    assert headline(snapshot()) == "running: 7 trials"
    assert headline(snapshot(time_left_s=None, trials_total=9)) == "running: 7 of 9 trials"
