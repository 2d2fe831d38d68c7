"""``backprop-evo audit`` over the real API, and the acts of the command line itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import backprop_evo.cli.audit
import backprop_evo.cli.keys
from api.app import create_app
from backprop_evo.cli.main import app
from backprop_evo.client import Client
from backprop_evo.logs import configure_logs
from backprop_evo.settings import Settings
from backprop_evo.store.sql import open_store


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    configure_logs()  # to standard error, as in the process: standard output is the answer
    settings = Settings(home=tmp_path, database_url=sqlite_url)
    store = open_store(sqlite_url)
    with TestClient(create_app(settings, store), base_url="http://127.0.0.1:8000") as http:

        def carry(request: httpx2.Request) -> httpx2.Response:
            answer = http.request(request.method, str(request.url), content=request.content)
            media_type = {"content-type": answer.headers["content-type"]}
            return httpx2.Response(answer.status_code, headers=media_type, content=answer.content)

        def client(url: str, *, api_key: str | None) -> Client:
            return Client(url, api_key=api_key, transport=httpx2.MockTransport(carry))

        monkeypatch.setattr(backprop_evo.cli.audit, "Client", client)
        monkeypatch.setattr(backprop_evo.cli.keys, "settings", lambda: settings)
        yield http
    store.close()


def run(*words: str) -> Any:
    return CliRunner().invoke(app, [*words], env={"COLUMNS": "160"})


def test_what_was_done_and_refused_is_a_table_and_json(service: TestClient) -> None:
    search = service.post("/api/v1/searches", json={"name": "x", "trials": 3}).json()
    service.post(f"/api/v1/searches/{search['id']}:resume")
    text = run("audit").stdout
    assert f"searches/{search['id']}" in text
    assert "nobody: no key" in text
    rows = json.loads(run("audit", "--outcome", "refused", "--json").stdout)
    assert [(row["verb"], row["detail"][:3]) for row in rows] == [("resume", "409")]
    assert json.loads(run("audit", "--until", "2020-01-01T00:00Z", "--json").stdout) == []
    assert run("audit", "--since", "noon").exit_code == 2


def test_keys_that_are_made_on_the_command_line_are_noted_too(service: TestClient) -> None:
    secret = run("keys", "create", "laptop").stdout.strip()
    key_id = secret.split("_")[1]
    assert run("keys", "revoke", key_id).exit_code == 0
    rows = json.loads(run("audit", "--json").stdout)
    assert [(row["verb"], row["target"], row["label"]) for row in rows] == [
        ("delete", f"keys/{key_id}", "command line"),
        ("create", f"keys/{key_id}", "command line"),
    ]
    assert secret not in str(rows)
