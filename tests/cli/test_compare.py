"""``backprop-evo search compare`` and ``submit --with-counterpart``, against a service that is told."""

import json
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from backprop_evo.cli import search
from backprop_evo.cli.main import app
from backprop_evo.client import Client

COURSE = {
    "trainings": 60,
    "worker_s": 90.0,
    "judged": 50,
    "learning": 20,
    "learning_share": 0.4,
    "points": [],
}
BEST = {
    "method": {"name": "equation", "settings": {"text": "2.0 * g"}, "text": "2.0 * g"},
    "accuracies": {"mean": 0.41, "std": 0.01, "n": 3},
    "low": 0.385,
    "high": 0.435,
}
SIDE = {
    "search_id": "3f0a5c",
    "name": "first",
    "called": "evolution",
    "strategy": "evolution",
    "seed": 0,
    "budget": 60,
    "has_ended": True,
    "best": BEST,
    "fitness": 0.4,
    "fitness_alike": 0.39,
    "fitness_alike_s": None,
    "course": COURSE,
}
OTHER = SIDE | {"search_id": "9b1d2e", "called": "random search", "best": None}
COMPARISON = {
    "one": SIDE,
    "other": OTHER,
    "compared_by": "test",
    "trainings": 55,
    "worker_s": 80.0,
    "sentence": "Evolution's best stands 2.0 points above random search's.",
    "remarks": ["Not ended: 9b1d2e."],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    requests: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(str(request.url).split("/api/v1")[1])
        if request.method == "POST":
            return httpx2.Response(422, json={"detail": "told"})
        return httpx2.Response(200, json=COMPARISON)

    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    monkeypatch.setattr(search, "Client", client)
    return requests


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, ["search", *words])


def test_the_table_has_a_column_for_each_and_the_sentence(asked: list[str]) -> None:
    done = invoke("compare", "3f0a5c")
    assert done.exit_code == 0, done.output
    assert asked == ["/searches/3f0a5c/comparison"]
    for shown in (
        *("evolution", "random search", "60 of 60", "1 min 30 s", "40.0 (20 of 50)", "after 55 trainings"),
        *("2.0 * g", "41.0 ± 1.0 (3)", "38.5 … 43.5", COMPARISON["sentence"], "Not ended: 9b1d2e."),
    ):
        assert shown in done.stdout, shown


def test_another_search_is_named(asked: list[str]) -> None:
    done = invoke("compare", "3f0a5c", "9b1d2e", "--json")
    assert json.loads(done.stdout) == COMPARISON
    assert asked == ["/searches/3f0a5c/comparison?with=9b1d2e"]


def test_submit_asks_for_the_counterpart_in_the_address(asked: list[str]) -> None:
    invoke("submit", "--name", "x", "--with-counterpart")
    invoke("submit", "--name", "x")
    assert asked == ["/searches?with_counterpart=true", "/searches"]


def test_a_dry_run_shows_how_curl_asks_for_it() -> None:
    done = invoke("submit", "--name", "x", "--with-counterpart", "--dry-run")
    assert "/api/v1/searches?with_counterpart=true'" in done.stdout
    refused = invoke("submit", "--name", "x", "--strategy", "random", "--with-counterpart", "--dry-run")
    assert refused.exit_code != 0
    assert "random search has no counterpart" in refused.stderr
