"""``backprop-evo equation compare``, against a service that is told."""

import json
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from backprop_evo.cli import side_by_side
from backprop_evo.cli.main import app
from backprop_evo.client import Client

PAIR = {
    "one": 0,
    "other": 1,
    "compared_by": "test",
    "selecting": False,
    "n": 3,
    "difference": -0.044,
    "low": -0.074,
    "high": -0.014,
    "verdict": "worse by 4.4 points, 1.4 … 7.4, n = 3",
}
ANSWER = {
    "equations": [{"method": {"text": "g"}}, {"method": {"text": "g / fro(g)"}}],
    "places": [
        {"place": "first operand", "components": ["g", "g"], "differs": False},
        {"place": "left function of operation 1", "components": ["identity", "per_fro"], "differs": True},
        {"place": "right operand of operation 1", "components": [None, None], "differs": False},
    ],
    "settings": [
        {
            "setting_id": "0011ac435f85",
            "equations": [
                {"validation": {"mean": 0.274, "std": 0.039, "n": 3}, "test": None, "failures": None},
                None,
            ],
            "pairs": [PAIR],
        }
    ],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx2.QueryParams]:
    requests: list[httpx2.QueryParams] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request.url.params)
        assert request.url.path == "/api/v1/compare"
        if "never" in request.url.params.get_list("equation"):
            return httpx2.Response(422, json={"detail": "'never' was never trained"})
        if "alone" in request.url.params.get_list("equation"):
            return httpx2.Response(200, json=ANSWER | {"settings": [], "places": []})
        return httpx2.Response(200, json=ANSWER)

    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    monkeypatch.setattr(side_by_side, "Client", client)
    return requests


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, ["equation", "compare", *words])


def test_tables_have_places_pairs_and_accuracies(asked: list[httpx2.QueryParams]) -> None:
    done = invoke("g", "g / fro(g)")
    assert done.exit_code == 0, done.output
    assert asked[0].get_list("equation") == ["g", "g / fro(g)"]
    for shown in ("A  g", "B  g / fro(g)", "per_fro", "−4.4", "−7.4 … −1.4", "27.4 ± 3.9 (3)", "A − B"):
        assert shown in done.stdout, shown
    assert "worse by 4.4 points" in " ".join(done.stdout.split())
    starred = [line for line in done.stdout.splitlines() if "*" in line]
    assert len(starred) == 1
    assert "left function" in starred[0]


def test_json_is_what_the_service_answers(asked: list[httpx2.QueryParams]) -> None:
    assert json.loads(invoke("g", "h", "--json").stdout) == ANSWER


def test_without_a_setting_in_common_it_is_said(asked: list[httpx2.QueryParams]) -> None:
    done = invoke("g", "alone")
    assert "nothing to subtract" in done.stdout
    assert done.exit_code == 0


def test_a_refusal_is_said_and_ends_with_a_code(asked: list[httpx2.QueryParams]) -> None:
    done = invoke("g", "never")
    assert done.exit_code != 0
    assert "never trained" in done.stderr
