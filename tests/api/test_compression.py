"""Answers are compressed where that can be read, and JSON that a client has is not sent again."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from api.compression import LEAST_BYTES, MOST_BYTES, Compression, Validation

LONG = "one equation after another " * LEAST_BYTES


async def tagged(request: Request) -> Response:
    return PlainTextResponse(LONG, headers={"ETag": '"3-abc"'})


async def parquet(request: Request) -> Response:
    return Response(LONG.encode(), media_type="application/vnd.apache.parquet")


async def stream(request: Request) -> Response:
    return StreamingResponse(iter([f"data: {LONG}\n\n"]), media_type="text/event-stream")


async def numbers(request: Request) -> Response:
    return JSONResponse({"values": [1, 2, 3]})


async def secret(request: Request) -> Response:
    return JSONResponse({"key": "once"}, headers={"Cache-Control": "no-store"})


async def endless(request: Request) -> Response:
    return JSONResponse("x" * (MOST_BYTES + 1))


async def pieces(request: Request) -> Response:
    return StreamingResponse(iter(["[1,", "2]"]), media_type="application/json")


@pytest.fixture
def made() -> TestClient:
    paths = {
        "/tagged": tagged, "/parquet": parquet, "/stream": stream, "/numbers": numbers, "/secret": secret,
        "/endless": endless, "/pieces": pieces,
    }  # fmt: skip
    routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in paths.items()]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Compression), Middleware(Validation)]))


def plain(client: TestClient, path: str) -> httpx2.Response:
    return client.get(path, headers={"Accept-Encoding": "identity"})


def test_who_can_read_gzip_gets_it_and_who_cannot_the_same_text(made: TestClient) -> None:
    packed = made.get("/tagged", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(LONG) / 10
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert "content-encoding" not in plain(made, "/tagged").headers
    assert packed.text == plain(made, "/tagged").text == LONG


def test_the_tag_of_what_was_compressed_is_weak(made: TestClient) -> None:
    assert made.get("/tagged", headers={"Accept-Encoding": "gzip"}).headers["etag"] == 'W/"3-abc"'
    assert plain(made, "/tagged").headers["etag"] == '"3-abc"'


@pytest.mark.parametrize("path", ["/stream", "/parquet", "/numbers"])
def test_streams_tables_and_short_answers_go_as_they_are(made: TestClient, path: str) -> None:
    assert "content-encoding" not in made.get(path, headers={"Accept-Encoding": "gzip"}).headers


def test_json_that_the_client_has_is_not_sent_again(made: TestClient) -> None:
    first = made.get("/numbers")
    tag = first.headers["etag"]
    assert first.json() == {"values": [1, 2, 3]}
    for known in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = made.get("/numbers", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in again.headers
    assert made.get("/numbers", headers={"If-None-Match": '"other"'}).json() == {"values": [1, 2, 3]}


@pytest.mark.parametrize("path", ["/secret", "/endless", "/pieces"])
def test_secrets_long_answers_and_pieces_get_no_tag(made: TestClient, path: str) -> None:
    answer = made.get(path)
    assert answer.status_code == 200
    assert answer.content
    assert "etag" not in answer.headers


def test_only_reading_is_validated(made: TestClient) -> None:
    answer = made.post("/numbers", headers={"If-None-Match": "*"})
    assert (answer.status_code, "etag" in answer.headers) == (200, False)


def test_of_the_service_pages_are_compressed_and_event_streams_are_not(client: TestClient, seed: Any) -> None:
    accepting = {"Accept-Encoding": "gzip"}
    assert client.get("/learn", headers=accepting).headers["content-encoding"] == "gzip"
    events = client.get("/api/v1/events", params={"follow": "false"}, headers=accepting)
    assert len(events.content) > LEAST_BYTES
    assert "content-encoding" not in events.headers
