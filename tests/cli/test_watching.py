"""Watching a search: until it ends, or until it is clear that nobody trains it."""

from typing import Any

import pytest
from rich.console import Console

from backprop_evo.cli.tables import _stage
from backprop_evo.cli.watching import Watch, headline, take_snapshot, time_left_s
from backprop_evo.errors import Unavailable


class Service:
    """Answers like the REST client, from a script: one search record for each look."""

    def __init__(self, states: list[str], running: bool) -> None:
        self.states = states
        self.running = running
        self.stages: list[dict[str, Any]] = []

    def get(self, path: str, **_: Any) -> dict[str, Any]:
        if path.endswith("leaderboard"):
            return {"items": []}
        if path.endswith("stages"):
            return {"items": self.stages}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {
            "state": state,
            "trials_done": 0,
            "trials_total": 3,
            "screened_out": 0,
            "notice": None,
            "started_at": None,
            "ended_at": None,
            "created_at": "2026-01-01T00:00:00Z",
            "spec": {"name": "s"},
        }

    def items(self, _path: str, **_: Any) -> list[dict[str, Any]]:
        return [{"equation": "g", "progress": None, "purpose": "search"}] if self.running else []


def watch(service: Service, idle_s: float | None) -> Watch:
    return Watch(service, "s", Console(quiet=True), interval_s=0.001, idle_s=idle_s)  # type: ignore[arg-type]


def test_a_search_that_ends_is_returned() -> None:
    assert watch(Service(["running", "completed"], running=True), 0.05).until_end()["state"] == "completed"


def test_nobody_training_is_an_error_in_the_end() -> None:
    with pytest.raises(Unavailable, match="no worker has trained anything"):
        watch(Service(["running"], running=False), 0.05).until_end()


def test_without_a_limit_workers_may_come_late() -> None:
    service = Service(["running"] * 100 + ["completed"], running=False)
    assert watch(service, None).until_end()["state"] == "completed"


def test_training_is_not_idleness() -> None:
    service = Service(["running"] * 200 + ["completed"], running=True)
    assert watch(service, 0.05).until_end()["state"] == "completed"


def stage(role: str, done: int = 0, total: int | None = None) -> dict[str, Any]:
    ordered = None if total is None else f"s-{role}"
    return {"role": role, "evaluation": ordered, "trials_done": done, "trials_total": total}


def test_a_search_in_its_funnel_tells_of_the_trainings_of_each_stage() -> None:
    service = Service(["running"], running=True)
    service.stages = [stage("finalists"), stage("confirmation")]
    assert take_snapshot(service, "s").staged == (0, 0)  # type: ignore[arg-type]
    service.stages = [stage("finalists", 9, 9), stage("confirmation", 2, 12), stage("transfer")]
    snapshot = take_snapshot(service, "s")  # type: ignore[arg-type]
    assert headline(snapshot) == "running: 0 of 3 trials, finalists 9 of 9, confirmation 2 of 12"
    assert len(snapshot.running) == 3
    assert time_left_s(snapshot) == 0.0


def test_a_search_is_shown_with_its_stages() -> None:
    running = stage("finalists", 3, 9) | {"state": "running", "through": 1, "equations": 2, "seeds": 3}
    to_come = stage("confirmation") | {"seeds": 5}
    told = [_stage(each) for each in (running, to_come)]
    assert told == [
        "running: 3 of 9 trainings, 1 of 2 equations came through",
        "to come, 5 seeds",
    ]
