"""Webhooks over HTTP: the secret is shown once, addresses are hidden, private ones refused."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from backprop_evo.records.callers import KeyScope
from backprop_evo.service import webhook_addresses
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore

PATH = "/api/v1/webhooks"
URL = "https://hooks.example.org/T0/s3cret?token=1"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked outside of this machine."""
    known = {"hooks.example.org": "8.8.8.8", "inside.example.org": "10.0.0.7", "127.0.0.1": "127.0.0.1"}
    found = [(None, None, None, "", (None, 0))]

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host not in known:
            raise OSError("no such name")
        return [(*found[0][:4], (known[host], port))]

    monkeypatch.setattr(webhook_addresses.socket, "getaddrinfo", getaddrinfo)


def test_the_secret_is_shown_once_and_the_path_never(client: TestClient) -> None:
    answer = client.post(PATH, json={"url": URL}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert re.fullmatch("[0-9a-f]{64}", made["secret"])
    listed = client.get(PATH)
    assert listed.json()["items"] == [{n: v for n, v in made.items() if n != "secret"}]
    assert made["address"] == "https://hooks.example.org/…"
    again = client.post(PATH, json={"url": URL}, headers={"Idempotency-Key": "k"})
    assert again.status_code == 409
    for text in (listed.text, again.text):
        assert made["secret"] not in text
        assert "s3cret" not in text


def test_an_end_is_seen_as_a_delivery(client: TestClient, store: SqlStore) -> None:
    webhook = client.post(PATH, json={"url": URL}).json()
    search = client.post("/api/v1/searches", json={"name": "x", "trials": 3}).json()
    client.post(f"/api/v1/searches/{search['id']}:cancel")
    (told,) = client.get(f"{PATH}/{webhook['id']}/deliveries").json()["items"]
    assert (told["event"], told["state"], told["attempts"]) == ("search.cancelled", "waiting", 0)
    assert told["due_at"] is not None
    now = datetime.now(UTC)
    for state, reason in (("given up", "no answer"),):
        store.webhooks.note_delivery(told["id"], status=None, reason=reason, again_at=None, now=now)
        (told,) = client.get(f"{PATH}/{webhook['id']}/deliveries").json()["items"]
        assert (told["state"], told["reason"], told["due_at"]) == (state, reason, None)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("https://inside.example.org/", "10.0.0.7"),
        ("https://nowhere.example.org/", "not found"),
        ("file:///etc/passwd", "https://"),
        ("https://a:b@hooks.example.org/", "password"),
    ],
)
def test_where_it_may_not_lead_is_refused_in_words(client: TestClient, asked: str, words: str) -> None:
    answer = client.post(PATH, json={"url": asked})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == "url"
    assert client.get(PATH).json()["items"] == []


def test_a_setting_opens_private_networks(store: SqlStore, settings: Settings) -> None:
    opened = settings.model_copy(update={"webhook_private_addresses": True})
    with TestClient(create_app(opened, store), base_url="http://127.0.0.1") as client:
        assert client.post(PATH, json={"url": "https://inside.example.org/"}).status_code == 201


def test_one_of_a_search_that_is_not_there_or_of_no_webhook_is_refused(client: TestClient) -> None:
    assert client.post(PATH, json={"url": URL, "search_id": "none"}).status_code == 404
    assert client.post(PATH, json={"url": URL, "search_id": "a\0b"}).status_code == 422
    assert client.delete(f"{PATH}/none").status_code == 404
    assert client.get(f"{PATH}/none/deliveries").status_code == 404


@pytest.fixture
def guarded(store: SqlStore, settings: Settings) -> Iterator[TestClient]:
    demanding = settings.model_copy(update={"api_keys_required": True})
    with TestClient(create_app(demanding, store), base_url="http://127.0.0.1") as opened:
        yield opened


def test_who_may_only_read_sees_no_webhooks_and_who_made_one_owns_it(
    guarded: TestClient, store: SqlStore
) -> None:
    reading, mine = (
        {"Authorization": f"Bearer {store.keys.issue('laptop', scope, now=datetime.now(UTC))[1]}"}
        for scope in (KeyScope.READ, KeyScope.SUBMIT)
    )
    assert guarded.get(PATH, headers=reading).status_code == 403
    made = guarded.post(PATH, json={"url": URL}, headers=mine).json()
    assert made["owner"] == "laptop"
    assert guarded.delete(f"{PATH}/{made['id']}", headers=mine).status_code == 200
