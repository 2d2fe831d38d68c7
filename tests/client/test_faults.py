"""The service breaks off, is away, is started again: nothing is done twice, nothing that waits gives up."""

import json
import socket
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from backprop_evo.client import Client, Retrying
from backprop_evo.errors import NotEnded, NotFound, Unavailable
from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.states import SearchState, TrialState
from tests.serving import serving

QUICK = Retrying(attempts=3, first_s=0.01, longest_s=0.02)
ADDRESS = "http://127.0.0.1"


class Breaking(httpx2.BaseTransport):
    """The application behind a connection that breaks after the first ``breaks`` requests were carried out,
    or, with ``before``, on their way there."""

    def __init__(self, inner: httpx2.BaseTransport, breaks: int, *, before: bool = False) -> None:
        self.inner, self.breaks, self.before = inner, breaks, before

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.breaks -= 1
        if self.breaks >= 0 and self.before:
            raise httpx2.ConnectError("refused")
        response = self.inner.handle_request(request)
        if self.breaks >= 0:
            response.read()
            raise httpx2.ReadError("cut")
        return response


@pytest.mark.parametrize("before", [True, False], ids=["on the way there", "on the way back"])
def test_a_connection_that_breaks_gives_one_search(served: Any, store: Any, before: bool) -> None:
    transport = Breaking(served._transport, 2, before=before)
    with Client(ADDRESS, transport=transport, retrying=QUICK) as client:
        handle = client.searches.submit(name="once")
    assert [each.id for each in store.searches.page().items] == [handle.id]


def test_a_verb_on_a_version_acts_once_though_its_answer_was_lost(served: Any, seed: Any) -> None:
    version = seed.store.searches.get(seed.search_id).version
    with Client(ADDRESS, transport=Breaking(served._transport, 1), retrying=QUICK) as client:
        # Without its key the repetition would be refused: the search has moved on by then.
        assert client.search(seed.search_id).extend(5, at_version=version).trials_total == 29


def test_a_service_that_stays_away_is_told(served: Any, store: Any) -> None:
    transport = Breaking(served._transport, 99, before=True)
    with Client(ADDRESS, transport=transport, retrying=QUICK) as client, pytest.raises(Unavailable):
        client.searches.submit(name="never")
    assert transport.breaks == 99 - QUICK.attempts
    assert store.searches.page().items == ()


class Clock:
    """Seconds that pass by sleeping; ``at`` are things to do when they have passed."""

    def __init__(self, at: dict[float, Callable[[], None]] | None = None) -> None:
        self.now = 0.0
        self.at = at or {}

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [each for each in self.at if each <= self.now]:
            self.at.pop(moment)()


def waiting(served: Any, clock: Clock) -> Client:
    return Client(ADDRESS, transport=served._transport, retrying=QUICK, clock=clock, sleep=clock.sleep)


def test_a_wait_returns_when_the_search_ends(served: Any, seed: Any) -> None:
    clock = Clock({7.0: seed.end})
    with waiting(served, clock) as client:
        found = client.search(seed.search_id).wait(timeout=60)
    assert found.state is SearchState.COMPLETED
    assert 7.0 <= clock.now <= 8.0


def test_a_wait_ends_at_its_timeout_and_not_before(served: Any, seed: Any) -> None:
    clock = Clock()
    with waiting(served, clock) as client:
        with pytest.raises(NotEnded, match="30 s") as caught:
            client.search(seed.search_id).wait(timeout=30)
        assert isinstance(caught.value, TimeoutError)
        assert clock.now == pytest.approx(30, abs=0.01)
        with pytest.raises(NotFound):
            client.search("nobody").wait()


def test_a_wait_draws_how_far_the_search_is(served: Any, seed: Any, capsys: Any) -> None:
    with waiting(served, Clock({2.0: seed.end})) as client:
        client.search(seed.search_id).wait(progress=True)
    drawn = capsys.readouterr()
    assert "normalised gradients: completed, best 36.7 %, confirmation 3 of 6" in drawn.err
    assert drawn.out == ""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_waiting_and_following_survive_a_restart_of_the_api(
    settings: Any, store: Any, seed: Any, port: int
) -> None:
    after = store.events.last()
    heard: list[Any] = []
    ended: list[Any] = []

    def follow() -> None:
        with Client(f"{ADDRESS}:{port}", retrying=QUICK) as client:
            for event in client.search(seed.search_id).events(after):
                heard.append(event)
                if event.kind == "search.completed":
                    return

    def wait() -> None:
        with Client(f"{ADDRESS}:{port}", retrying=QUICK) as client:
            ended.append(client.search(seed.search_id).wait(timeout=60, every_s=0.05))

    threads = [threading.Thread(target=each) for each in (follow, wait)]
    with serving(settings, store, port):
        for thread in threads:
            thread.start()
        seed.run(seed.store.trials.get(queued(seed)), 0.3)
        while not heard:
            time.sleep(0.02)
    # Nobody listens now; what happens is stored.
    seed.end()
    time.sleep(0.3)
    assert not ended
    with serving(settings, store, port):
        for thread in threads:
            thread.join(30)
    assert [each.state for each in ended] == [SearchState.COMPLETED]
    expected = [each for each in store.events.after(after) if each.search_id == seed.search_id]
    assert heard == expected
    assert all(one.id < other.id for one, other in pairwise(heard))


def queued(seed: Any) -> str:
    (waiting,) = seed.store.trials.page(seed.search_id, choice=TrialChoice(state=TrialState.QUEUED)).items
    return str(waiting.id)


def stream_of(*streams: tuple[int, list[int]]) -> tuple[httpx2.MockTransport, list[str]]:
    """A service whose streams end after the events of each, with the status of each."""
    left, asked = list(streams), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.params["after"])
        status, ids = left.pop(0)
        told = [
            {"id": each, "search_id": None, "kind": "k", "at": "2026-01-01T00:00:00Z", "payload": {}}
            for each in ids
        ]
        text = ": connected\nretry: 5\n\n" + "".join(
            f"id: {e['id']}\ndata: {json.dumps(e)}\n\n" for e in told
        )
        return httpx2.Response(status, text=text, headers={"content-type": "text/event-stream"})

    return httpx2.MockTransport(answer), asked


def test_a_stream_is_opened_again_behind_the_last_event() -> None:
    transport, asked = stream_of((200, [1, 2]), (503, []), (200, []), (200, [3]))
    clock = Clock()
    with Client(ADDRESS, transport=transport, clock=clock, sleep=clock.sleep) as client:
        events = client.events()
        assert [next(events).id for _ in range(3)] == [1, 2, 3]
    assert asked == ["0", "2", "2", "2"]


def test_a_stream_that_cannot_be_had_ends_with_the_reason() -> None:
    transport, asked = stream_of(*[(503, [])] * 1000)
    clock = Clock()
    with (
        Client(ADDRESS, transport=transport, clock=clock, sleep=clock.sleep) as client,
        pytest.raises(Unavailable),
    ):
        next(client.events(away_s=60))
    assert 60 <= clock.now <= 70
    assert len(asked) < 30
    transport, asked = stream_of((404, []))
    with Client(ADDRESS, transport=transport) as client, pytest.raises(NotFound):
        next(client.events())
    assert len(asked) == 1
