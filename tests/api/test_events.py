"""The event stream: every event once, in order, from where the reader left off."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.app import create_app
from api.newest import NewestEvent
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore

EVENTS = "/api/v1/events"


def blocks(text: str) -> list[dict[str, str]]:
    parsed = []
    for block in text.strip().split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if not line.startswith(":")]
        parsed.append({name: value for name, _, value in lines})
    return [block for block in parsed if "id" in block]


def read(client: TestClient, headers: dict[str, str] | None = None, **query: Any) -> list[dict[str, str]]:
    answer = client.get(EVENTS, params={"follow": "false"} | query, headers=headers or {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return blocks(answer.text)


def test_every_event_comes_once_in_order(client: TestClient, seed: Any) -> None:
    found = read(client)
    ids = [int(each["id"]) for each in found]
    assert ids == [event.id for event in seed.store.events.after()]
    first = json.loads(found[0]["data"])
    assert (found[0]["event"], first["kind"], first["search_id"]) == (
        "search.queued",
        "search.queued",
        seed.search_id,
    )


def test_streams_that_wait_ask_the_database_once_for_all_of_them() -> None:
    asked: list[int] = []

    class Counted:
        def last(self) -> int:
            asked.append(1)
            return 7

    seconds = [0.0]
    newest = NewestEvent(Counted(), every_s=0.25, clock=lambda: seconds[0])  # type: ignore[arg-type]

    async def ask() -> list[int]:
        return [await newest.id() for _ in range(200)]

    assert anyio.run(ask) == [7] * 200
    assert len(asked) == 1
    seconds[0] = 0.25
    anyio.run(ask)
    assert len(asked) == 2


def test_a_reader_resumes_after_the_last_event_it_saw(client: TestClient, seed: Any) -> None:
    everything = [int(each["id"]) for each in read(client)]
    middle = everything[len(everything) // 2]
    expected = [number for number in everything if number > middle]
    assert [int(e["id"]) for e in read(client, {"Last-Event-ID": str(middle)})] == expected
    assert [int(e["id"]) for e in read(client, after=middle)] == expected
    assert [int(e["id"]) for e in read(client, {"Last-Event-ID": str(middle)}, after=0)] == expected
    assert [int(e["id"]) for e in read(client, {"Last-Event-ID": "rubbish"})] == everything
    assert seed.search_id


def test_a_stream_may_be_of_one_search(client: TestClient, seed: Any) -> None:
    other = seed.store.searches.add(seed.spec, now=datetime.now(UTC))
    found = read(client, search_id=other.id)
    assert [each["event"] for each in found] == ["search.queued"]
    assert client.get(EVENTS, params={"search_id": "none"}).status_code == 404


@pytest.fixture
def address(store: SqlStore, settings: Settings) -> Iterator[str]:
    """A real server, because only one that streams can be followed."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, store), log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


def test_what_happens_now_is_pushed(address: str, seed: Any) -> None:
    after = seed.store.events.last()
    with (
        httpx2.Client(timeout=20) as client,
        client.stream("GET", address + EVENTS, params={"after": after}) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == ": connected"
        seed.end()
        pushed = next(line for line in lines if line.startswith("event: "))
    assert pushed == "event: search.completed"
