"""What is sent, what is sent again, and what the service says as values and errors of ours."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from backprop_evo import errors
from backprop_evo.client import Client, Retrying
from backprop_evo.client.steps import Answer, Broken
from backprop_evo.errors import (
    BackpropEvoError,
    Conflict,
    IllegalTransition,
    InvalidEquation,
    InvalidInput,
    InvalidSettings,
    NotFound,
    PreconditionFailed,
    Unavailable,
)

Handler = Callable[[httpx2.Request], httpx2.Response]
STEADY = Retrying(attempts=4, first_s=1.0, longest_s=5.0, chance=lambda: 0.0)


def client(handler: Handler, **options: Any) -> Client:
    given = {"retrying": Retrying(attempts=1), **options}
    return Client("http://service", transport=httpx2.MockTransport(handler), **given)


def answer(status: int, body: Any) -> Handler:
    return lambda _request: httpx2.Response(status, json=body)


@pytest.mark.parametrize(
    ("status", "kind", "exit_code"),
    [
        (404, NotFound, 2),
        (409, Conflict, 2),
        (412, PreconditionFailed, 2),
        (422, InvalidInput, 2),
        (401, InvalidInput, 2),
        (429, Unavailable, 2),
        (503, Unavailable, 2),
        (500, BackpropEvoError, 1),
    ],
)
def test_problems_become_errors(status: int, kind: type[BackpropEvoError], exit_code: int) -> None:
    problem = {"title": "Title", "detail": "what went wrong", "hint": "what next", "request_id": "r1"}
    with client(answer(status, problem)) as service, pytest.raises(kind, match="what went wrong") as caught:
        service.get("/searches/x")
    assert type(caught.value) is kind
    assert caught.value.hint == "what next"
    assert caught.value.exit_code == exit_code


TREE = [
    each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", [each for each in TREE if each.status < 500], ids=lambda kind: kind.__name__)
def test_the_type_of_a_problem_names_the_class(kind: type[BackpropEvoError]) -> None:
    slug = "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__).lstrip("-")
    problem = {"type": f"urn:backprop-evo:problem:{slug}", "detail": "d", "status": kind.status}
    with client(answer(kind.status, problem)) as service, pytest.raises(kind) as caught:
        service.get("/searches/x")
    assert type(caught.value) is kind


def test_what_an_error_knows_comes_with_it() -> None:
    def refused(slug: str, status: int, **told: Any) -> BackpropEvoError:
        problem = {"type": f"urn:backprop-evo:problem:{slug}", "detail": "d", **told}
        with client(answer(status, problem)) as service, pytest.raises(BackpropEvoError) as caught:
            service.get("/x")
        return caught.value

    illegal = refused("illegal-transition", 409, legal_verbs=["clone"])
    assert isinstance(illegal, IllegalTransition)
    assert illegal.legal == ("clone",)
    equation = refused("invalid-equation", 422, errors=[{"detail": "d", "field": "equation", "column": 3}])
    assert isinstance(equation, InvalidEquation)
    assert equation.column == 3
    settings = refused("invalid-settings", 422, errors=[{"detail": "d", "field": "trials"}])
    assert isinstance(settings, InvalidSettings)
    assert settings.field == "trials"


def test_every_detail_of_a_problem_is_told() -> None:
    problem = {
        "detail": "2 fields",
        "errors": [{"field": "trials", "detail": "at least 1"}, {"field": "seed", "detail": "from 0"}],
    }
    with client(answer(422, problem)) as service, pytest.raises(InvalidInput) as caught:
        service.post("/searches", {})
    assert "trials: at least 1" in caught.value.message
    assert "seed: from 0" in caught.value.message


def test_what_the_message_says_is_not_said_again() -> None:
    told = "trials must be 1 to 10,000,000"
    problem = {"detail": told, "errors": [{"field": "trials", "detail": told}, {"detail": told}]}
    with client(answer(422, problem)) as service, pytest.raises(InvalidInput) as caught:
        service.post("/searches", {})
    assert caught.value.message == told


def test_an_answer_that_is_no_problem_json_is_still_an_error() -> None:
    with (
        client(lambda _request: httpx2.Response(502, text="<html>")) as service,
        pytest.raises(BackpropEvoError, match="502"),
    ):
        service.get("/searches")


def test_nobody_there_says_how_to_start_it() -> None:
    once = Retrying(attempts=1)
    with Client("http://127.0.0.1:9", retrying=once) as service, pytest.raises(Unavailable) as caught:
        service.get("/searches")
    assert "backprop-evo up" in str(caught.value.hint)
    assert not Client("http://127.0.0.1:9").is_ready()


def test_a_post_is_repeated_under_the_same_key() -> None:
    keys: list[str] = []

    def flaky(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx2.ReadError("the connection broke")
        return httpx2.Response(202, json={"id": "s1"})

    with client(flaky, retrying=STEADY, sleep=lambda _s: None) as service:
        assert service.post("/searches", {"name": "x"}) == {"id": "s1"}
        service.post("/searches", {"name": "x"})
    assert keys[0] == keys[1]
    assert keys[2] != keys[1], "another request, another key"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_not_now_is_asked_again_after_growing_pauses(status: int) -> None:
    asked, pauses = [], []

    def away(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.method)
        return httpx2.Response(200 if len(asked) == 4 else status, json={"items": []})

    with client(away, retrying=STEADY, sleep=pauses.append) as service:
        assert service.get("/nodes") == {"items": []}
    assert pauses == [1.0, 2.0, 4.0]


def test_after_the_last_attempt_the_service_s_words_are_told() -> None:
    pauses: list[float] = []
    with (
        client(answer(503, {"detail": "the disk is full"}), retrying=STEADY, sleep=pauses.append) as service,
        pytest.raises(Unavailable, match="the disk is full"),
    ):
        service.get("/nodes")
    assert len(pauses) == STEADY.attempts - 1


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    asked = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(status, json={"detail": "no"})

    with client(refuse, retrying=STEADY) as service, pytest.raises(BackpropEvoError):
        service.get("/nodes")
    assert len(asked) == 1


def test_a_pause_is_as_long_as_the_service_asks_within_its_bound() -> None:
    def asked(text: str) -> Answer:
        return Answer(503, {"retry-after": text}, b"")

    assert STEADY.pause_after(1, asked("3")).seconds == 3.0
    assert STEADY.pause_after(1, asked("600")).seconds == STEADY.longest_s
    assert STEADY.pause_after(2, asked("Fri, 31 Dec 1999 23:59:59 GMT")).seconds == 2.0
    assert STEADY.pause_after(9, Broken("gone")).seconds == STEADY.longest_s
    halved = Retrying(first_s=1.0, chance=lambda: 0.999).pause_after(1)
    assert halved.seconds == pytest.approx(0.5, abs=0.01)


def test_a_version_goes_as_an_etag_and_flags_as_json_has_them() -> None:
    seen: list[httpx2.Request] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={})

    with client(note) as service:
        service.post("/searches/s:pause", at_version=7, with_counterpart=True, cursor=None)
        service.get("/events", follow=False)
    assert seen[0].headers["If-Match"] == '"7"'
    assert dict(seen[0].url.params) == {"with_counterpart": "true"}
    assert dict(seen[1].url.params) == {"follow": "false"}
    assert "Idempotency-Key" not in seen[1].headers


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
        assert list(service.items("/searches")) == [1, 2, 3, 4, 5]


def test_the_key_goes_with_every_request() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"key": request.headers.get("Authorization")})

    with client(handler, api_key="bpe_1_2") as service:
        assert service.get("/nodes") == {"key": "Bearer bpe_1_2"}
