"""Every POST under one key acts once and is answered the same each time, over both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from api import idempotency
from api.app import create_app
from api.idempotency import REPLAYED
from backprop_evo.records.callers import Answer, KeyScope
from backprop_evo.records.searching import SearchSpec
from backprop_evo.settings import Settings
from backprop_evo.store.caller_tables import REQUESTS
from backprop_evo.store.keyed import KeyedRequest
from backprop_evo.store.requests import KEPT_FOR, SqlRequests
from backprop_evo.store.sql import SqlStore

SPEC = {"name": "once", "trials": 5}
KEY = {"Idempotency-Key": "k"}
SEARCHES = "/api/v1/searches"


@pytest.fixture
def url(database_url: str) -> str:
    """Of both databases, for the store of this folder."""
    return database_url


@pytest.fixture
def search(client: TestClient) -> str:
    """The path of a search that waits."""
    return f"{SEARCHES}/{client.post(SEARCHES, json=SPEC).json()['id']}"


def searches(client: TestClient) -> int:
    return len(client.get(SEARCHES).json()["items"])


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("pause", None),
        ("stop", None),
        ("cancel", None),
        ("extend", {"trials": 7}),
        ("clone", {"name": "copy"}),
        ("clone", None),
    ],
)
def test_a_repeated_verb_gets_the_first_answer_and_does_nothing(
    client: TestClient, search: str, verb: str, body: Any
) -> None:
    first = client.post(f"{search}:{verb}", json=body, headers=KEY)
    assert first.status_code in (200, 202), first.text
    assert REPLAYED not in first.headers
    state, count = client.get(search).json(), searches(client)
    for _ in range(3):
        again = client.post(f"{search}:{verb}", json=body, headers=KEY)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        for name in ("etag", "location", "content-type"):
            assert again.headers.get(name) == first.headers.get(name)
        assert again.headers[REPLAYED] == "true"
    assert (client.get(search).json(), searches(client)) == (state, count)


def test_a_repetition_after_the_search_moved_on_still_gets_the_first_answer(
    client: TestClient, search: str
) -> None:
    seen = {**KEY, "If-Match": client.get(search).headers["etag"]}
    paused = client.post(f"{search}:pause", headers=seen)
    client.post(f"{search}:resume")
    assert client.post(f"{search}:pause", headers=seen).content == paused.content
    assert client.get(search).json()["state"] == "running"


def test_a_submission_is_answered_the_same_and_stored_once(client: TestClient) -> None:
    first = client.post(SEARCHES, json=SPEC, headers=KEY)
    reordered = b'{"trials":5,   "name": "once"}'
    again = client.post(SEARCHES, content=reordered, headers={**KEY, "Content-Type": "application/json"})
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert searches(client) == 1


def test_an_answer_without_a_transaction_is_kept_too(client: TestClient) -> None:
    first = client.post("/api/v1/equations:check", json={"equation": "g"}, headers=KEY)
    again = client.post("/api/v1/equations:check", json={"equation": "g"}, headers=KEY)
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")


def test_the_key_of_another_request_conflicts(client: TestClient, search: str) -> None:
    assert client.post(f"{search}:extend", json={"trials": 1}, headers=KEY).status_code == 200
    for path, body in (
        (f"{search}:extend", {"trials": 2}),
        (f"{search}:clone", {"trials": 1}),
        (f"{search}:extend?x=1", {"trials": 1}),
        (SEARCHES, SPEC),
        ("/api/v1/equations:check", {"equation": "g"}),
    ):
        answer = client.post(path, json=body, headers=KEY)
        assert answer.status_code == 409, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert "'k'" in answer.json()["detail"]
    assert client.get(search).json()["trials_total"] == 6
    assert searches(client) == 1


def test_a_refusal_is_judged_anew(client: TestClient, search: str) -> None:
    assert client.post(f"{search}:pause", headers={**KEY, "If-Match": '"99"'}).status_code == 412
    assert client.post(f"{search}:pause", headers={**KEY, "If-Match": '"1"'}).status_code == 200
    assert client.post(SEARCHES, json={"name": ""}, headers={"Idempotency-Key": "j"}).status_code == 422
    assert client.post(SEARCHES, json=SPEC, headers={"Idempotency-Key": "j"}).status_code == 202


def test_simultaneous_requests_act_once(client: TestClient, search: str) -> None:
    def extend(_: int) -> tuple[int, bytes]:
        answer = client.post(f"{search}:extend", json={"trials": 10}, headers=KEY)
        return answer.status_code, answer.content

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(extend, range(16)))
    assert len(answers) == 1
    assert answers.pop()[0] == 200
    assert client.get(search).json()["trials_total"] == 15


def test_a_server_that_died_before_it_answered_does_nothing_again(
    client: TestClient, search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise SystemError("the process ends here")

    monkeypatch.setattr(idempotency, "PATIENCE_S", 0.1)
    with monkeypatch.context() as dying:
        dying.setattr(SqlRequests, "keep", die)
        assert client.post(f"{search}:extend", json={"trials": 1}, headers=KEY).status_code == 500
    again = client.post(f"{search}:extend", json={"trials": 1}, headers=KEY)
    assert again.status_code == 409
    assert "its answer is lost" in again.json()["detail"]
    assert client.get(search).json()["trials_total"] == 6


def test_what_was_rolled_back_leaves_no_trace(
    client: TestClient, search: str, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise SystemError("in the middle of the transaction")

    with monkeypatch.context() as dying:
        dying.setattr("backprop_evo.store.driven.add_event", die)
        assert client.post(f"{search}:extend", json={"trials": 1}, headers=KEY).status_code == 500
    with store.database.read() as connection:
        assert connection.execute(select(REQUESTS)).all() == []
    assert client.post(f"{search}:extend", json={"trials": 1}, headers=KEY).json()["trials_total"] == 6


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "caf\xe9", "a\tb"])
def test_a_key_that_is_none_is_refused(client: TestClient, key: str) -> None:
    answer = client.post(SEARCHES, json=SPEC, headers={"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "header.Idempotency-Key"
    assert searches(client) == 0


def test_a_body_that_is_too_large_is_refused_as_without_a_key(client: TestClient) -> None:
    streamed = (b"x" * 100_000 for _ in range(11))
    answer = client.post(SEARCHES, content=streamed, headers=KEY)
    assert answer.status_code == 413
    assert answer.json()["type"].endswith(":content-too-large")


def test_every_post_of_the_document_names_the_header(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    posts = [operations["post"] for operations in paths.values() if "post" in operations]
    assert len(posts) == 22
    for post in posts:
        named = [each["name"] for each in post.get("parameters", [])]
        assert named.count("Idempotency-Key") == 1


@pytest.fixture
def guarded(store: SqlStore, settings: Settings) -> Iterator[TestClient]:
    demanding = settings.model_copy(update={"api_keys_required": True})
    with TestClient(create_app(demanding, store), base_url="http://127.0.0.1") as opened:
        yield opened


def key_of(store: SqlStore, scope: KeyScope) -> dict[str, str]:
    _, key = store.keys.issue("a test", scope, now=datetime.now(UTC))
    return {"Authorization": f"Bearer {key}"}


def test_keys_belong_to_the_api_key_that_sent_them(guarded: TestClient, store: SqlStore) -> None:
    mine, theirs = key_of(store, KeyScope.SUBMIT), key_of(store, KeyScope.SUBMIT)
    first = guarded.post(SEARCHES, json=SPEC, headers=mine | KEY)
    other = guarded.post(SEARCHES, json=SPEC | {"trials": 6}, headers=theirs | KEY)
    assert (first.status_code, other.status_code) == (202, 202)
    assert first.json()["id"] != other.json()["id"]
    assert guarded.post(SEARCHES, json=SPEC, headers=mine | KEY).json()["id"] == first.json()["id"]


def test_a_kept_answer_opens_nothing_to_a_key_without_the_scope(guarded: TestClient, store: SqlStore) -> None:
    mine = key_of(store, KeyScope.SUBMIT)
    guarded.post(SEARCHES, json=SPEC, headers=mine | KEY)
    assert guarded.post(SEARCHES, json=SPEC, headers=KEY).status_code == 401
    assert guarded.post(SEARCHES, json=SPEC, headers=key_of(store, KeyScope.READ) | KEY).status_code == 403


def test_an_api_key_is_made_once_and_its_secret_is_neither_kept_nor_shown_again(
    guarded: TestClient, store: SqlStore
) -> None:
    admin = key_of(store, KeyScope.ADMIN)
    made = guarded.post("/api/v1/keys", json={"label": "laptop", "scope": "read"}, headers=admin | KEY)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    again = guarded.post("/api/v1/keys", json={"label": "laptop", "scope": "read"}, headers=admin | KEY)
    assert again.status_code == 409
    assert "secret" in again.json()["detail"]
    assert len(guarded.get("/api/v1/keys", headers=admin).json()["items"]) == 2
    with store.database.read() as connection:
        rows = str(connection.execute(text("SELECT * FROM requests")).all())
    assert made.json()["key"] not in rows
    assert made.json()["key"].rpartition("_")[2] not in rows


def test_answers_are_forgotten_after_their_time(store: SqlStore, app: FastAPI) -> None:
    answers, now = store.requests, datetime.now(UTC)
    answer = Answer(status=200, headers={}, body="{}")
    for key, at in (("old", now - KEPT_FOR - timedelta(seconds=1)), ("young", now - KEPT_FOR / 2)):
        answers.keep(KeyedRequest(caller="", key=key, sha256="0", at=at), answer)
    answers.keep(KeyedRequest(caller="", key="new", sha256="0", at=now), answer)
    assert answers.find("", "old") is None
    assert answers.find("", "young") is not None
    assert answers.find("somebody", "new") is None


def test_what_nobody_keyed_is_not_written_down(store: SqlStore) -> None:
    store.searches.add(SearchSpec(name="without a key"), now=datetime.now(UTC))
    with store.database.write() as connection:
        assert connection.execute(select(REQUESTS)).all() == []
