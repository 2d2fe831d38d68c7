"""``backprop-evo trial`` against the real application: lists, one trial, its log as it is written."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from backprop_evo.cli import trial
from backprop_evo.cli.main import app as commands
from backprop_evo.client import Client, Retrying
from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.states import TrialState
from tests.api import conftest as api

logs, template, url, store = api.logs, api.template, api.url, api.store
settings, app, seed = api.settings, api.app, api.seed
LATER: list[Any] = []


@pytest.fixture
def served(app: Any, store: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands ask the application; a pause lets the next of ``LATER`` happen."""
    app.state.store, app.state.service, app.state.settings = store, api.Service(store), settings
    LATER.clear()
    with TestClient(app, base_url="http://127.0.0.1") as opened:

        def client(url: str, *, api_key: str | None) -> Client:
            return Client(
                url,
                api_key=api_key,
                transport=opened._transport,
                retrying=Retrying(attempts=1),
                sleep=lambda _seconds: LATER.pop(0)(),
            )

        monkeypatch.setattr(trial, "Client", client)
        yield


def run(*words: str) -> Any:
    done = CliRunner().invoke(commands, ["trial", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_trials_of_a_search_are_listed(served: None, seed: Any) -> None:
    listed = json.loads(run("list", seed.search_id, "--state", "completed", "--json"))
    stored = seed.store.trials.page(seed.search_id, choice=TrialChoice(state=TrialState.COMPLETED)).items
    assert [each["id"] for each in listed] == [each.id for each in stored]
    assert len(json.loads(run("list", seed.search_id, "--limit", "2", "--json"))) == 2
    table = run("list", seed.search_id, "--purpose", "baseline")
    assert f"{seed.search_id}-0-baseline-0" in table
    assert "33.1" in table


def test_trials_of_an_evaluation_are_listed_too(served: None, seed: Any) -> None:
    listed = json.loads(run("list", seed.confirmation_id, "--json"))
    assert {each["search_id"] for each in listed} == {seed.confirmation_id}
    refused = CliRunner().invoke(commands, ["trial", "list", "nobody"])
    assert refused.exit_code == 2
    assert "no search 'nobody'" in refused.stderr


def test_one_trial_is_shown_with_its_attempts(served: None, seed: Any) -> None:
    (running,) = seed.store.trials.page(seed.search_id, choice=TrialChoice(state=TrialState.RUNNING)).items
    shown = run("show", running.id)
    assert "node-a/0" in shown
    assert "images per s 612" in shown
    document = json.loads(run("show", running.id, "--json"))
    assert document["spec"]["epochs"] == running.spec.epochs
    (diverged,) = seed.store.trials.page(seed.search_id, choice=TrialChoice(state=TrialState.DIVERGED)).items
    assert "diverged: the loss is NaN" in run("show", diverged.id)


def test_a_log_is_printed_and_as_json_a_line_each(served: None, seed: Any) -> None:
    done = seed.store.trials.page(seed.search_id, choice=TrialChoice(state=TrialState.COMPLETED)).items[0]
    lines = run("log", done.id).splitlines()
    assert len(lines) == 3
    assert "attempt 1 begins on node-a/0" in lines[1]
    told = [json.loads(line) for line in run("log", done.id, "--json").splitlines()]
    assert [each["text"] for each in told] == [line.split("  ", 1)[1] for line in lines]


def test_following_ends_with_the_trial_and_tells_each_line_once(served: None, seed: Any) -> None:
    (waiting,) = seed.store.trials.page(seed.search_id, choice=TrialChoice(state=TrialState.QUEUED)).items
    LATER.extend([lambda: None, lambda: seed.run(waiting, 0.3)])
    lines = [line.split("  ", 1)[1] for line in run("log", waiting.id, "--follow").splitlines()]
    assert lines == [
        "queued, purpose search, seed 0",
        "attempt 1 begins on node-a/0",
        "completed: validation 30.0 %, learning rate 0.1, 4 epochs in 16 s",
    ]
    assert LATER == []
