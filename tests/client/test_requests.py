"""What the service says reaches the person: answers as values, problems as errors of ours."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from backprop_evo.client import Client
from backprop_evo.errors import BackpropEvoError, Conflict, InvalidInput, NotFound, Unavailable

Handler = Callable[[httpx2.Request], httpx2.Response]


def client(handler: Handler, **options: Any) -> Client:
    return Client("http://service", transport=httpx2.MockTransport(handler), **options)


def answer(status: int, body: Any) -> Handler:
    return lambda _request: httpx2.Response(status, json=body)


@pytest.mark.parametrize(
    ("status", "kind", "exit_code"),
    [
        (404, NotFound, 2),
        (409, Conflict, 2),
        (412, Conflict, 2),
        (422, InvalidInput, 2),
        (401, InvalidInput, 2),
        (503, Unavailable, 2),
        (500, BackpropEvoError, 1),
    ],
)
def test_problems_become_errors(status: int, kind: type[BackpropEvoError], exit_code: int) -> None:
    problem = {"title": "Title", "detail": "what went wrong", "hint": "what next", "request_id": "r1"}
    with client(answer(status, problem)) as service, pytest.raises(kind, match="what went wrong") as caught:
        service.get("/searches/x")
    assert caught.value.hint == "what next"
    assert caught.value.exit_code == exit_code


def test_every_detail_of_a_problem_is_told() -> None:
    problem = {
        "detail": "2 fields",
        "errors": [{"field": "trials", "detail": "at least 1"}, {"field": "seed", "detail": "from 0"}],
    }
    with client(answer(422, problem)) as service, pytest.raises(InvalidInput) as caught:
        service.post("/searches", {})
    assert "trials: at least 1" in caught.value.message
    assert "seed: from 0" in caught.value.message


def test_an_answer_that_is_no_problem_json_is_still_an_error() -> None:
    with (
        client(lambda _request: httpx2.Response(502, text="<html>")) as service,
        pytest.raises(BackpropEvoError, match="502"),
    ):
        service.get("/searches")


def test_nobody_there_says_how_to_start_it() -> None:
    with Client("http://127.0.0.1:9") as service, pytest.raises(Unavailable) as caught:
        service.get("/searches")
    assert "backprop-evo up" in str(caught.value.hint)
    assert not Client("http://127.0.0.1:9").is_ready()


def test_a_post_is_repeated_once_under_the_same_key() -> None:
    keys: list[str] = []

    def flaky(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx2.ReadError("the connection broke")
        return httpx2.Response(202, json={"id": "s1"})

    with client(flaky) as service:
        assert service.post("/searches", {"name": "x"}) == {"id": "s1"}
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_listings_go_on_from_page_to_page() -> None:
    pages: dict[str | None, Any] = {
        None: {"items": [1, 2], "next_cursor": "a"},
        "a": {"items": [3, 4], "next_cursor": "b"},
        "b": {"items": [5], "next_cursor": None},
    }

    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=pages[request.url.params.get("cursor")])

    with client(handler) as service:
        assert list(service.items("/searches", limit=10)) == [1, 2, 3, 4, 5]
        assert list(service.items("/searches", limit=3)) == [1, 2, 3]


def test_the_key_goes_with_every_request() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"key": request.headers.get("Authorization")})

    with client(handler, api_key="bpe_1_2") as service:
        assert service.get("/nodes") == {"key": "Bearer bpe_1_2"}
