"""Watching a search: until it ends, or until it is clear that nobody trains it."""

from typing import Any

import pytest
from rich.console import Console

from backprop_evo.cli.watching import Watch, headline, take_snapshot, time_left_s
from backprop_evo.errors import Unavailable


class Service:
    """Answers like the REST client, from a script: one search record for each look."""

    def __init__(self, states: list[str], running: bool) -> None:
        self.states = states
        self.running = running
        self.evaluations: list[dict[str, Any]] = []

    def get(self, path: str, **_: Any) -> dict[str, Any]:
        if path.endswith("leaderboard"):
            return {"items": []}
        if path.endswith("evaluations"):
            return {"items": self.evaluations}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {
            "state": state,
            "trials_done": 0,
            "trials_total": 3,
            "screened_out": 0,
            "spent_s": 0.0,
            "time_left_s": None,
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


def test_a_confirming_search_tells_of_the_trainings_of_its_evaluation() -> None:
    service = Service(["running"], running=True)
    transfer = {"id": "t", "role": "transfer", "trials_done": 7, "trials_total": 9}
    service.evaluations = [transfer]
    assert take_snapshot(service, "s").confirmations == (0, 0)  # type: ignore[arg-type]
    confirmation = {"id": "s-c", "role": "confirmation", "trials_done": 2, "trials_total": 12}
    service.evaluations = [transfer, confirmation]
    snapshot = take_snapshot(service, "s")  # type: ignore[arg-type]
    assert headline(snapshot) == "running: 0 of 3 trials, 2 of 12 confirmations"
    assert len(snapshot.running) == 2
    assert time_left_s(snapshot) == 0.0
