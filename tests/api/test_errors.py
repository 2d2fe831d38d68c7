"""Every error has one form, carries the request's id, and never shows the inside."""

import time
from typing import Any

import pytest
import structlog
from fastapi.testclient import TestClient
from structlog.testing import LogCapture

from api.app import create_app
from api.middleware import MAX_BODY_BYTES
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore

PROBLEM = "application/problem+json"


def assert_problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = dict(answer.json())
    assert problem["status"] == status
    assert problem["type"] == f"urn:backprop-evo:problem:{slug}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    "path",
    [
        "searches/none",
        "searches/none/trials",
        "searches/none/individuals",
        "searches/none/leaderboard",
        "trials/none",
    ],
)
def test_unknown_things_are_not_found(client: TestClient, path: str) -> None:
    assert "none" in assert_problem(client.get(f"/api/v1/{path}"), 404, "not-found")["detail"]


def test_unknown_routes_and_methods(client: TestClient) -> None:
    assert_problem(client.get("/api/v1/nothing"), 404, "not-found")
    answer = client.delete("/api/v1/leaderboard")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize("verb", ["pause", "resume", "stop", "cancel", "clone"])
def test_verbs_on_unknown_searches(client: TestClient, verb: str) -> None:
    assert_problem(client.post(f"/api/v1/searches/none:{verb}"), 404, "not-found")


def test_a_body_that_is_no_json_names_the_column(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/searches", content='{"name": }', headers={"Content-Type": "application/json"}
    )
    problem = assert_problem(answer, 400, "malformed-json")
    assert problem["errors"][0]["column"] == 10


@pytest.mark.parametrize("limit", ["0", "501", "many"])
def test_limits_out_of_range(client: TestClient, limit: str) -> None:
    problem = assert_problem(client.get(f"/api/v1/searches?limit={limit}"), 422, "invalid-request")
    assert problem["errors"][0]["field"] == "query.limit"


@pytest.mark.parametrize("path", ["searches", "leaderboard", "equations/f"])
@pytest.mark.parametrize("cursor", ["rubbish", "W10", "////", "WyJvdGhlciIsIDFd"])
def test_a_cursor_that_is_not_ours(client: TestClient, path: str, cursor: str) -> None:
    assert_problem(client.get(f"/api/v1/{path}", params={"cursor": cursor}), 422, "invalid-input")


def test_bodies_that_are_too_large(client: TestClient) -> None:
    large = b"[" * (MAX_BODY_BYTES + 1)
    headers = {"Content-Type": "application/json"}
    announced = client.post("/api/v1/equations:check", content=large, headers=headers)
    assert_problem(announced, 413, "content-too-large")
    streamed = client.post("/api/v1/equations:check", content=iter([large]), headers=headers)
    assert_problem(streamed, 413, "content-too-large")


def test_a_fault_of_ours_says_nothing_of_the_inside(
    store: SqlStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings, store)
    monkeypatch.setattr(app.state.service, "dead_since", lambda: 1 / 0)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        problem = assert_problem(client.get("/api/v1/nodes"), 500, "internal-error")
        page = client.get("/nodes")
    assert "division" not in str(problem)
    assert page.status_code == 500
    assert "division" not in page.text
    assert page.headers["x-content-type-options"] == "nosniff"


def test_a_database_that_is_not_migrated_is_unavailable(tmp_path: Any) -> None:
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        assert_problem(client.get("/readyz"), 503, "unavailable")
        answer = client.get("/api/v1/searches")
        assert_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"]
        assert client.get("/livez").status_code == 200
        assert "backprop-evo db upgrade" in client.get("/").text


def test_request_ids_are_taken_over_when_they_are_harmless(client: TestClient) -> None:
    assert client.get("/livez", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/livez", headers={"X-Request-ID": "a b"}).headers["x-request-id"] != "a b"


def test_every_answer_says_how_long_the_server_was_at_it(client: TestClient) -> None:
    began = time.perf_counter()
    told = client.get("/api/v1/searches").headers["server-timing"]
    took = float(told.removeprefix("app;dur="))
    assert 0 < took <= 1000 * (time.perf_counter() - began)


def test_every_request_leaves_one_line_with_its_id(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = LogCapture()
    log = structlog.wrap_logger(None, processors=[structlog.contextvars.merge_contextvars, capture])
    monkeypatch.setattr("api.middleware.log", log)
    client.get("/livez", headers={"X-Request-ID": "abc-2"})
    lines = [line for line in capture.entries if line["event"] == "request"]
    assert [(line["request_id"], line["path"], line["status"]) for line in lines] == [
        ("abc-2", "/livez", 200)
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
    ],
)
def test_another_site_cannot_act(client: TestClient, seed: Any, headers: dict[str, str]) -> None:
    assert_problem(
        client.post(f"/api/v1/searches/{seed.search_id}:cancel", headers=headers), 403, "foreign-origin"
    )
    assert seed.store.searches.get(seed.search_id).state == "running"


def test_our_own_pages_can(client: TestClient, seed: Any) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1"}):
        assert client.post(f"/api/v1/searches/{seed.search_id}:pause", headers=headers).status_code == 200


def test_a_name_that_resolves_to_us_is_not_ours(client: TestClient) -> None:
    assert_problem(client.get("/api/v1/nodes", headers={"Host": "rebound.example"}), 403, "foreign-origin")
    assert client.get("/api/v1/nodes", headers={"Host": "localhost:8000"}).status_code == 200


def test_every_answer_is_locked_down(client: TestClient) -> None:
    for path in ("/", "/api/v1/nodes", "/nope", "/static/style.css"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
