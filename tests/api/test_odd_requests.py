"""Odd requests are refused in words, on both databases, and never answered with 500."""

import base64
import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backprop_evo.service import Service
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore, open_store

PROBLEM = "application/problem+json"
LISTS = (
    ("searches", "/api/v1/searches", ("2026-01-01T00:00:00+00:00", "id")),
    ("trials, newest", "/api/v1/searches/{id}/trials", (-1.0, 1)),
    ("individuals", "/api/v1/searches/{id}/individuals", (1,)),
    ("leaderboard of all", "/api/v1/leaderboard", (1, "setting", 0, -0.5, "id", 1)),
    ("behaviour", "/api/v1/equations/f", (-1.0, 1)),
)
ODD_TEXTS = ("\0", "a\0b", "\ud800", "\udfff")
ODD_VALUES = {
    int: (10**30, -(10**30), 2**63),
    str: (
        *ODD_TEXTS,
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "noon",
    ),
    float: (float("inf"), float("nan")),
}


@pytest.fixture
def both(app: FastAPI, database_url: str, settings: Settings) -> Iterator[TestClient]:
    """A client over each database in turn."""
    store = open_store(database_url)
    app.state.store, app.state.service, app.state.settings = store, Service(store), settings
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client
    store.close()


def cursor(kind: str, key: tuple[object, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps([kind, *key]).encode()).decode().rstrip("=")


def assert_refused(answer, *, among: tuple[int, ...] = (400, 404, 422)) -> None:
    assert answer.status_code in among, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"]


def test_crafted_cursors_are_refused(both: TestClient) -> None:
    search_id = both.post("/api/v1/searches", json={"name": "x"}).json()["id"]
    for kind, path, key in LISTS:
        address = path.format(id=search_id)
        assert both.get(address, params={"cursor": cursor(kind, key)}).status_code == 200
        for place, value in enumerate(key):
            for odd in ODD_VALUES[type(value)]:
                # Any text may stand where an id does; only a time has a form.
                if type(value) is str and (kind, place) != ("searches", 0) and odd not in ODD_TEXTS:
                    continue
                crafted = cursor(kind, (*key[:place], odd, *key[place + 1 :]))
                assert_refused(both.get(address, params={"cursor": crafted}), among=(400, 422))


@pytest.mark.parametrize("odd", ["%00", "a%00b"])
def test_an_address_with_nul_is_refused(both: TestClient, odd: str) -> None:
    for path in ("searches/{}", "searches/{}/trials", "trials/{}", "equations/{}", "evaluations/{}"):
        assert_refused(both.get(f"/api/v1/{path.format(odd)}"))
    for path in ("searches?cursor={}", "events?search_id={}&follow=false", "leaderboard?cursor={}"):
        assert_refused(both.get(f"/api/v1/{path.format(odd)}"))
    assert_refused(both.post(f"/api/v1/searches/{odd}:pause"))
    assert both.get(f"/searches/{odd}").status_code in (400, 404)


@pytest.mark.parametrize("odd", ODD_TEXTS)
def test_odd_texts_in_bodies_are_refused(both: TestClient, odd: str) -> None:
    search_id = both.post("/api/v1/searches", json={"name": "x"}).json()["id"]
    train = {"model": odd}
    for document in (
        {"name": odd},
        {"name": "x", odd: 1},
        {"name": "x", "start": [odd]},
        {"name": "x", "train": train},
        {"name": "x", "train": {"data": odd}},
        {"name": "x", "strategy": odd},
        {"name": "x", "yardsticks": [odd]},
        {"name": "x", "yardsticks": [{"name": "equation", "settings": {"text": odd}}]},
    ):
        assert_refused(send(both, "/api/v1/searches", document))
    for document in (
        {"name": odd, "methods": ["g"]},
        {"name": "x", "methods": [odd]},
        {"name": "x", "methods": ["g"], "settings": [odd]},
        {"name": "x", "methods": ["g"], "baseline": odd},
        {"name": "x", "methods": ["g"], "settings": [{"name": odd, "train": {}}]},
    ):
        assert_refused(send(both, "/api/v1/evaluations", document))
    assert_refused(send(both, f"/api/v1/searches/{search_id}:clone", {"name": odd}))
    assert_refused(send(both, "/api/v1/keys", {"label": odd}))
    assert_refused(send(both, "/api/v1/equations:check", {"equation": odd}))


def send(client: TestClient, path: str, document: object):
    """As ASCII, in which every letter can be escaped."""
    return client.post(path, content=json.dumps(document), headers={"Content-Type": "application/json"})


def test_the_store_refuses_in_words_what_a_request_may_still_bring(database_url: str) -> None:
    from backprop_evo.errors import InvalidInput, NotFound

    store: SqlStore = open_store(database_url)
    for odd in ODD_TEXTS:
        with pytest.raises((InvalidInput, NotFound)):
            store.searches.get(odd)
    with pytest.raises(InvalidInput):
        store.events.after(2**80)
    store.close()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"1"', 304),
        ('W/"1"', 304),
        ('"7", "1"', 304),
        ('"7",W/"1" , "9"', 304),
        ("*", 304),
        ('"11"', 200),
        ('"7", "9"', 200),
        ("1", 200),
        ("", 200),
    ],
)
def test_if_none_match_is_a_list_or_a_star(client: TestClient, header: str, status: int) -> None:
    search_id = client.post("/api/v1/searches", json={"name": "x"}).json()["id"]
    answer = client.get(f"/api/v1/searches/{search_id}", headers={"If-None-Match": header})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/searches", {"GET", "POST"}),
        ("PUT", "/api/v1/keys", {"GET", "POST"}),
        ("DELETE", "/api/v1/nodes", {"GET"}),
        ("OPTIONS", "/api/v1/equations/known", {"GET"}),
    ],
)
def test_allow_names_every_method_of_the_path(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_clone_obeys_if_match(client: TestClient) -> None:
    search_id = client.post("/api/v1/searches", json={"name": "x"}).json()["id"]
    path = f"/api/v1/searches/{search_id}:clone"
    assert client.post(path, headers={"If-Match": '"2"'}).status_code == 412
    assert client.post(path, headers={"If-Match": '"1"'}).status_code == 202
    assert client.post(f"/api/v1/searches/{search_id}:pause").status_code == 200
    assert client.post(path, headers={"If-Match": '"1"'}).status_code == 412
    assert len(client.get("/api/v1/searches").json()["items"]) == 2
