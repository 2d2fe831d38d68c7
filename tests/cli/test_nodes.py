"""``backprop-evo nodes``: what each command asks of the service, and what it prints."""

import json
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from backprop_evo.cli import nodes
from backprop_evo.cli.main import app
from backprop_evo.client import Client

NODE = {
    "name": "gpu-7",
    "state": "dead",
    "slots": 2,
    "busy": 1,
    "training": [{"slot": 1, "trial_id": "3f0a5c.4", "search_id": "3f0a5c", "since": None}],
    "devices": ["cuda:0", "cuda:1"],
    "labels": ["a100"],
    "wish": {"slots": 4, "labels": None, "draining": False, "gives_back": False},
    "datasets": ["cifar10-mini"],
    "fetches": True,
    "fetching": None,
    "fetch_faults": {"mnist": "no route"},
    "free_memory_mib": 2048,
    "faults": 0,
    "quarantine": None,
    "seen_at": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    requests: list[tuple[str, str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else None
        requests.append((request.method, request.url.raw_path.decode(), body))
        listing = request.url.path == "/api/v1/nodes"
        return httpx2.Response(200, json={"items": [NODE]} if listing else NODE)

    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    monkeypatch.setattr(nodes, "Client", client)
    return requests


def invoke(words: str) -> Any:
    # Wide: what a narrow terminal folds is not what is tested here.
    return CliRunner().invoke(app, ["nodes", *words.split()], env={"COLUMNS": "300"})


@pytest.mark.parametrize(
    ("words", "method", "path", "body"),
    [
        ("", "GET", "", None),
        ("list", "GET", "", None),
        ("show gpu-7", "GET", "/gpu-7", None),
        ("show a?b", "GET", "/a%3Fb", None),
        ("scale gpu-7 4", "PATCH", "/gpu-7", {"slots": 4, "gives_back": False}),
        ("scale gpu-7 0 --give-back", "PATCH", "/gpu-7", {"slots": 0, "gives_back": True}),
        ("scale gpu-7", "PATCH", "/gpu-7", {"slots": None, "gives_back": False}),
        ("drain gpu-7", "POST", "/gpu-7:drain", {"gives_back": False}),
        ("drain gpu-7 --give-back", "POST", "/gpu-7:drain", {"gives_back": True}),
        ("resume gpu-7", "POST", "/gpu-7:resume", {}),
        ("label gpu-7 a100 big", "PATCH", "/gpu-7", {"labels": ["a100", "big"]}),
        ("label gpu-7", "PATCH", "/gpu-7", {"labels": []}),
        ("label gpu-7 --own", "PATCH", "/gpu-7", {"labels": None}),
    ],
)
def test_each_command_asks_for_one_thing(
    words: str, method: str, path: str, body: Any, asked: list[tuple[str, str, Any]]
) -> None:
    done = invoke(words)
    assert done.exit_code == 0, done.output
    assert asked == [(method, f"/api/v1/nodes{path}", body)]
    assert "gpu-7" in done.stdout
    assert "dead, last heard of 2026-01-01" in done.stdout


def test_a_node_is_shown_with_what_its_slots_train(asked: list[tuple[str, str, Any]]) -> None:
    text = invoke("show gpu-7").stdout
    for said in ("slot 1 trains", "3f0a5c.4", "4 slots", "mnist: no route"):
        assert said in text
    assert json.loads(invoke("show gpu-7 --json").stdout) == NODE
    assert json.loads(invoke("--json").stdout) == json.loads(invoke("list --json").stdout) == [NODE]


@pytest.mark.parametrize("words", ["scale gpu-7 257", "scale gpu-7 many", "label gpu-7 a --own", "explode"])
def test_what_cannot_be_is_refused_before_asking(words: str, asked: list[tuple[str, str, Any]]) -> None:
    assert invoke(words).exit_code == 2
    assert asked == []
