"""The audit trail over HTTP, on both databases: who did what, what was refused, and who may read it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from api.acts import verb_and_target
from api.app import create_app
from backprop_evo.records.callers import KeyScope
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.stores import opened

SPEC = {"name": "mine", "trials": 3}
Headers = dict[str, str]


@pytest.fixture
def stored(database_url: str) -> Iterator[SqlStore]:
    yield from opened(database_url)


@pytest.fixture
def guarded(stored: SqlStore, settings: Settings) -> Iterator[TestClient]:
    demanding = settings.model_copy(update={"api_keys_required": True})
    with TestClient(create_app(demanding, stored), base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def key(stored: SqlStore) -> Callable[..., Headers]:
    def issue(scope: KeyScope, label: str = "a key") -> Headers:
        _, text = stored.keys.issue(label, scope, now=datetime.now(UTC))
        return {"Authorization": f"Bearer {text}"}

    return issue


def acts(client: TestClient, headers: Headers, **wanted: object) -> list[tuple[str, ...]]:
    answer = client.get("/api/v1/audit", headers=headers, params=wanted)
    assert answer.status_code == 200, answer.text
    return [(a["label"], a["verb"], a["target"], a["outcome"]) for a in answer.json()["items"]]


def test_what_a_key_did_and_was_refused_is_told_with_its_name(guarded: TestClient, key) -> None:
    admin, mine, reading = key(KeyScope.ADMIN, "root"), key(KeyScope.SUBMIT, "laptop"), key(KeyScope.READ)
    search = guarded.post("/api/v1/searches", json=SPEC, headers=mine).json()
    path, target = f"/api/v1/searches/{search['id']}", f"searches/{search['id']}"
    assert search["owner"] == "laptop"
    assert guarded.post(f"{path}:pause", headers=mine).status_code == 200
    assert guarded.post(f"{path}:cancel", headers=reading).status_code == 403
    assert guarded.post(f"{path}:extend", json={"trials": 0}, headers=mine).status_code == 422
    assert guarded.post("/api/v1/searches/none:pause", headers=mine).status_code == 404
    assert guarded.get(path, headers=mine).status_code == 200
    checked = guarded.post("/api/v1/searches:check", json=SPEC, headers=mine)
    assert checked.status_code == 200
    assert acts(guarded, admin) == [
        ("laptop", "pause", "searches/none", "refused"),
        ("laptop", "extend", target, "refused"),
        ("a key", "cancel", target, "refused"),
        ("laptop", "pause", target, "done"),
        ("laptop", "create", target, "done"),
    ]
    refused = guarded.get("/api/v1/audit", headers=admin, params={"outcome": "refused"}).json()["items"]
    assert [each["detail"][:15] for each in refused] == [
        "404 not-found: ",
        "422 invalid-req",
        "403 forbidden: ",
    ]
    assert all(each["request_id"] and each["address"] == "testclient" for each in refused)


def test_only_an_administrator_reads_it(guarded: TestClient, key) -> None:
    for scope, status in ((KeyScope.READ, 403), (KeyScope.SUBMIT, 403), (KeyScope.ADMIN, 200)):
        assert guarded.get("/api/v1/audit", headers=key(scope)).status_code == status
    assert guarded.get("/api/v1/audit").status_code == 401


def test_who_is_not_known_fills_no_table(guarded: TestClient, key) -> None:
    assert guarded.post("/api/v1/searches", json=SPEC).status_code == 401
    assert acts(guarded, key(KeyScope.ADMIN)) == []


def test_a_repeated_request_is_one_act(guarded: TestClient, key) -> None:
    admin = key(KeyScope.ADMIN)
    for _ in range(3):
        guarded.post("/api/v1/searches", json=SPEC, headers={**admin, "Idempotency-Key": "k"})
    assert [act[1] for act in acts(guarded, admin)] == ["create"]


def test_keys_and_forms_of_pages_are_acts_too(guarded: TestClient, key) -> None:
    admin = key(KeyScope.ADMIN, "root")
    made = guarded.post("/api/v1/keys", json={"label": "new", "scope": "read"}, headers=admin).json()
    guarded.delete(f"/api/v1/keys/{made['id']}", headers=admin)
    search = guarded.post("/api/v1/searches", json=SPEC, headers=admin).json()
    form = {"content-type": "application/x-www-form-urlencoded", **admin}
    page = guarded.post(f"/searches/{search['id']}/pause", headers=form, follow_redirects=False)
    assert page.status_code == 303
    assert [act[1:3] for act in acts(guarded, admin)] == [
        ("pause", f"searches/{search['id']}"),
        ("create", f"searches/{search['id']}"),
        ("delete", f"keys/{made['id']}"),
        ("create", f"keys/{made['id']}"),
    ]
    assert "by root" in guarded.get(f"/searches/{search['id']}", headers=admin).text


def test_it_is_filtered_and_goes_in_pages(guarded: TestClient, key) -> None:
    admin = key(KeyScope.ADMIN, "root")
    for _ in range(4):
        guarded.post("/api/v1/searches", json=SPEC, headers=admin)
    first = guarded.get("/api/v1/audit", headers=admin, params={"limit": 3}).json()
    rest = {"limit": 3, "cursor": first["next_cursor"]}
    second = guarded.get("/api/v1/audit", headers=admin, params=rest).json()
    assert len({each["id"] for each in first["items"] + second["items"]}) == 4
    assert second["next_cursor"] is None
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for nothing in (
        {"verb": "pause"},
        {"label": "x"},
        {"caller": "x"},
        {"outcome": "refused"},
        {"since": soon},
    ):
        assert acts(guarded, admin, **nothing) == []
    assert len(acts(guarded, admin, until=soon, label="root", verb="create")) == 4
    for odd in ({"since": "2026-01-01"}, {"since": "noon"}, {"outcome": "odd"}, {"cursor": "x"}):
        answer = guarded.get("/api/v1/audit", headers=admin, params=odd)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_refusal_that_quotes_what_no_database_holds_is_noted(guarded: TestClient, key) -> None:
    admin = key(KeyScope.ADMIN)
    sent = {
        "content": b'{"name": "a\\ud800\\u0000b"}',
        "headers": {**admin, "content-type": "application/json"},
    }
    assert guarded.post("/api/v1/searches", **sent).status_code == 422
    assert [act[3] for act in acts(guarded, admin)] == ["refused"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/api/v1/searches", ("create", "searches")),
        ("POST", "/api/v1/searches/3f0a5c:pause", ("pause", "searches/3f0a5c")),
        ("PATCH", "/api/v1/nodes/a", ("change", "nodes/a")),
        ("POST", "/equations/2-a0/change", ("change", "equations/2-a0")),
        ("PUT", "/api/v1/nodes/a", ("replace", "nodes/a")),
        ("DELETE", "/api/v1/keys/1", ("delete", "keys/1")),
        ("POST", "/evaluations/3f0a5c/extend", ("extend", "evaluations/3f0a5c")),
        ("POST", "/searches", ("create", "searches")),
        ("BREW", "/", ("brew", "")),
    ],
)
def test_a_request_in_words(method: str, path: str, expected: tuple[str, str]) -> None:
    assert verb_and_target(method, path) == expected
