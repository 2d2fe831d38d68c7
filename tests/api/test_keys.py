"""API keys: shown once, stored as a hash, each scope opens what it should and no more."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from backprop_evo.records.callers import KeyScope
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore

SPEC = {"name": "with a key", "trials": 3}
Headers = dict[str, str]


@pytest.fixture
def guarded(store: SqlStore, settings: Settings) -> Iterator[TestClient]:
    demanding = settings.model_copy(update={"api_keys_required": True})
    with TestClient(create_app(demanding, store), base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def header(store: SqlStore) -> Callable[[KeyScope], Headers]:
    def issue(scope: KeyScope) -> Headers:
        _, key = store.keys.issue("a test", scope, now=datetime.now(UTC))
        return {"Authorization": f"Bearer {key}"}

    return issue


def test_without_a_key_nothing_opens_but_health(guarded: TestClient) -> None:
    answer = guarded.get("/api/v1/searches")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert guarded.get("/metrics").status_code == 401
    assert guarded.get("/livez").status_code == 200
    assert guarded.post("/searches", data={"name": "x"}).status_code == 401


@pytest.mark.parametrize(
    "key", ["", "rubbish", "bpe_000000000000_" + "a" * 43, "bpe_000000000000_" + "a" * 9999]
)
def test_a_wrong_key_opens_nothing(guarded: TestClient, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    assert guarded.get("/api/v1/searches", headers=headers).status_code == 401


def test_each_scope_opens_what_it_should(guarded: TestClient, header: Callable[[KeyScope], Headers]) -> None:
    expected = {
        KeyScope.READ: (200, 200, 403, 403),
        KeyScope.SUBMIT: (200, 200, 202, 403),
        KeyScope.ADMIN: (200, 200, 202, 200),
    }
    for scope, statuses in expected.items():
        sent = header(scope)
        assert (
            guarded.get("/api/v1/searches", headers=sent).status_code,
            guarded.post("/api/v1/equations:check", json={"equation": "g"}, headers=sent).status_code,
            guarded.post("/api/v1/searches", json=SPEC, headers=sent).status_code,
            guarded.get("/api/v1/keys", headers=sent).status_code,
        ) == statuses, scope


def test_a_key_is_made_used_and_revoked(guarded: TestClient, header: Callable[[KeyScope], Headers]) -> None:
    admin = header(KeyScope.ADMIN)
    made = guarded.post("/api/v1/keys", json={"label": "laptop", "scope": "read"}, headers=admin)
    assert made.status_code == 201
    mine = {"Authorization": f"Bearer {made.json()['key']}"}
    assert guarded.get("/api/v1/nodes", headers=mine).status_code == 200
    listed = guarded.get("/api/v1/keys", headers=admin)
    assert made.json()["key"] not in listed.text
    revoked = guarded.delete(f"/api/v1/keys/{made.json()['id']}", headers=admin)
    assert revoked.json()["revoked_at"]
    assert guarded.get("/api/v1/nodes", headers=mine).status_code == 401
    assert guarded.delete("/api/v1/keys/none", headers=admin).status_code == 404


def test_the_database_knows_no_secret(store: SqlStore) -> None:
    _, key = store.keys.issue("a test", KeyScope.READ, now=datetime.now(UTC))
    with store.database.read() as connection:
        stored = str(connection.execute(text("SELECT * FROM api_keys")).all())
    assert key.rpartition("_")[2] not in stored


def test_a_right_id_with_a_wrong_secret_is_not_recognised(store: SqlStore) -> None:
    keys = store.keys
    _, key = keys.issue("a test", KeyScope.READ, now=datetime.now(UTC))
    assert keys.authenticate(key) is not None
    assert keys.authenticate(key[:-1] + ("a" if key[-1] != "a" else "b")) is None


def test_pages_ask_for_the_key_once(guarded: TestClient, header: Callable[[KeyScope], Headers]) -> None:
    asked = guarded.get("/", follow_redirects=False)
    assert asked.headers["location"] == "/login"
    assert guarded.post("/login", data={"key": "wrong"}).status_code == 401
    key = header(KeyScope.SUBMIT)["Authorization"].removeprefix("Bearer ")
    entered = guarded.post("/login", data={"key": key}, follow_redirects=False)
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "No searches yet" in guarded.get("/").text


def test_keys_from_the_command_line(url: str, monkeypatch: pytest.MonkeyPatch, store: SqlStore) -> None:
    from typer.testing import CliRunner

    from backprop_evo.cli.keys import app
    from backprop_evo.settings import settings

    monkeypatch.setenv("BACKPROP_EVO_DATABASE_URL", url)
    settings.cache_clear()
    try:
        key = CliRunner().invoke(app, ["create", "me", "--scope", "admin"]).output.strip()
        found = store.keys.authenticate(key)
        assert found is not None
        assert found.id in CliRunner().invoke(app, ["list"]).output
        assert CliRunner().invoke(app, ["revoke", found.id]).exit_code == 0
        assert store.keys.authenticate(key) is None
    finally:
        settings.cache_clear()
