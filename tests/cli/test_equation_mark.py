"""``backprop-evo equation mark``: a star and a note, by way of the service."""

import json
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from backprop_evo.cli import equation_marks
from backprop_evo.cli.main import app
from backprop_evo.client import Client

sent: list[Any] = []


def answer(request: httpx2.Request) -> httpx2.Response:
    assert request.method == "PATCH"
    sent.append((request.url.path, json.loads(request.content)))
    return httpx2.Response(200, json={"fingerprint": "2-a0", "starred": True, "note": "for section 4"})


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    sent.clear()
    monkeypatch.setattr(equation_marks, "Client", client)


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["equation", "mark", "2-a0", *words])


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("--star",), {"starred": True}),
        (("--no-star", "--note", ""), {"starred": False, "note": ""}),
        (("--note", "for section 4"), {"note": "for section 4"}),
    ],
)
def test_what_is_named_is_changed_and_nothing_else(words: tuple[str, ...], body: dict[str, Any]) -> None:
    result = run(*words)
    assert result.exit_code == 0
    assert sent == [("/api/v1/equations/2-a0", body)]
    assert "for section 4" in result.stdout
    assert "yes" in result.stdout


def test_json_is_what_the_service_says() -> None:
    assert json.loads(run("--star", "--json").stdout)["starred"] is True


def test_nothing_named_is_refused_before_anything_is_sent() -> None:
    result = run()
    assert result.exit_code != 0
    assert sent == []
