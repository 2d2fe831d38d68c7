"""``backprop-evo webhooks`` over the real API: made, listed, removed, and what was told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import backprop_evo.cli.webhooks
from api.app import create_app
from backprop_evo.cli.main import app
from backprop_evo.client import Client
from backprop_evo.logs import configure_logs
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore, open_store

URL = "http://127.0.0.1:9/hooks/s3cret"


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def service(
    store: SqlStore, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    configure_logs()  # to standard error: standard output is the answer
    settings = Settings(home=tmp_path, database_url=sqlite_url, webhook_private_addresses=True)
    with TestClient(create_app(settings, store), base_url="http://127.0.0.1:8000") as http:

        def carry(request: httpx2.Request) -> httpx2.Response:
            answer = http.request(
                request.method, str(request.url), content=request.content, headers=dict(request.headers)
            )
            media_type = {"content-type": answer.headers["content-type"]}
            return httpx2.Response(answer.status_code, headers=media_type, content=answer.content)

        def client(url: str, *, api_key: str | None) -> Client:
            return Client(url, api_key=api_key, transport=httpx2.MockTransport(carry))

        monkeypatch.setattr(backprop_evo.cli.webhooks, "Client", client)
        yield http


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["webhooks", *words], env={"COLUMNS": "200"})


def test_a_webhook_is_added_listed_and_removed(service: TestClient) -> None:
    search = service.post("/api/v1/searches", json={"name": "x", "trials": 3}).json()["id"]
    made = json.loads(run("add", URL, "--search", search, "--json").stdout)
    assert len(made["secret"]) == 64
    assert made["search_id"] == search
    shown = run("add", URL).stdout
    assert "everything" in shown
    listed = json.loads(run("list", "--json").stdout)
    assert [each["search_id"] for each in listed] == [search, None]
    assert "secret" not in listed[0]
    table = run("list").stdout
    assert "http://127.0.0.1:9/…" in table
    assert "s3cret" not in table
    removed = run("remove", made["id"])
    assert (removed.exit_code, removed.stdout) == (0, "")
    assert [each["id"] for each in json.loads(run("list", "--json").stdout)] == [listed[1]["id"]]


def test_what_it_was_told_and_why_not(service: TestClient, store: SqlStore) -> None:
    webhook = json.loads(run("add", URL, "--json").stdout)["id"]
    search = service.post("/api/v1/searches", json={"name": "x", "trials": 3}).json()["id"]
    service.post(f"/api/v1/searches/{search}:cancel")
    now = datetime.now(UTC)
    (due,) = store.webhooks.take_due(now=now, hold_s=60, limit=9)
    store.webhooks.note_delivery(due.id, status=None, reason="refused", again_at=now, now=now)
    (told,) = json.loads(run("deliveries", webhook, "--json").stdout)
    assert (told["state"], told["attempts"], told["reason"]) == ("waiting", 1, "refused")
    table = run("deliveries", webhook).stdout
    assert search in table
    assert "refused" in table


def test_what_is_refused_is_said(service: TestClient) -> None:
    for words in (("add", "ftp://example.org"), ("add", URL, "--search", "nobody"), ("remove", "nobody")):
        refused = run(*words)
        assert refused.exit_code == 2
        assert refused.stdout == ""
        assert refused.stderr
    assert run("deliveries", "nobody").exit_code == 2
