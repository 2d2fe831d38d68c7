"""The commands that are made from the verbs' rows."""

import json
import shlex
from typing import Any

import httpx2
import pytest
from click import Command
from typer.main import get_command
from typer.testing import CliRunner

from backprop_evo.cli import verbs
from backprop_evo.cli.main import app
from backprop_evo.client import Client
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.lifecycle import VERBS
from backprop_evo.service import search_spec_to_json

SEARCH = {
    "id": "3f0a5c",
    "state": "running",
    "version": 2,
    "verbs": ["pause"],
    "trials_done": 1,
    "trials_total": 5,
    "screened_out": 3,
    "spent_s": 0.0,
    "time_left_s": None,
    "best_fitness": None,
    "created_at": "2026-01-01T00:00:00Z",
    "started_at": None,
    "ended_at": None,
    "end_reason": None,
    "counterpart": None,
    "notice": "something to know",
    "failure": None,
    "priority": 1,
    "tags": ["paper"],
    "note": "",
    "archived": False,
    "injections": 0,
    "retries": 0,
    "setting": {"id": "9382bf916429", "description": "wrn-10-1, cifar10-mini, 2 epochs"},
    "spec": search_spec_to_json(SearchSpec(name="a search")),
}


def command(name: str) -> Command:
    found: Command = get_command(app).commands["search"].commands[name]  # type: ignore[attr-defined]
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the service was asked for: paths and bodies."""
    requests: list[tuple[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append((request.url.path, json.loads(request.content)))
        return httpx2.Response(200, json=SEARCH)

    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    monkeypatch.setattr(verbs, "Client", client)
    return requests


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_asks_for_its_verb_with_its_example(verb: str, asked: list[tuple[str, Any]]) -> None:
    epilog = str(command(verb).epilog)
    words = shlex.split(epilog.removeprefix("Example: [bold]").removesuffix("[/bold]"))
    assert words[:4] == ["backprop-evo", "search", verb, "3f0a5c"]
    done = CliRunner().invoke(app, [*words[1:], "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == SEARCH
    example = json.loads(json.dumps(dict(VERBS[verb].example)))
    assert asked == [(f"/api/v1/searches/3f0a5c:{verb}", example)]


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_says_what_its_row_says(verb: str) -> None:
    made = command(verb)
    assert made.help == VERBS[verb].summary
    names = [parameter.name for parameter in made.params]
    own = [argument.name for argument in VERBS[verb].arguments]
    assert names == ["search_id", *own, "url", "api_key", "as_json"]
    options = {parameter.name: parameter for parameter in made.params}
    for argument in VERBS[verb].arguments:
        assert options[argument.name].required == argument.required
        assert options[argument.name].opts == [f"--{argument.name}"]


def test_verbs_stand_in_the_help_in_their_order() -> None:
    names = list(get_command(app).commands["search"].commands)  # type: ignore[attr-defined]
    others = ["submit", "list", "show", "watch", "report", "compare"]
    assert names == [*others, *VERBS, "change", "delete", "export"]


@pytest.mark.parametrize("words", ["extend 3f0a5c", "extend 3f0a5c --trials 0", "clone 3f0a5c --seed -1"])
def test_what_is_missing_or_too_small_is_refused_before_asking(
    words: str, asked: list[tuple[str, Any]]
) -> None:
    assert CliRunner().invoke(app, ["search", *words.split()]).exit_code == 2
    assert asked == []


def test_what_is_not_said_is_not_sent(asked: list[tuple[str, Any]]) -> None:
    done = CliRunner().invoke(app, ["search", "clone", "3f0a5c", "--name", "again", "--json"])
    assert done.exit_code == 0, done.output
    assert asked == [("/api/v1/searches/3f0a5c:clone", {"name": "again"})]
