"""What the document says of a request is what is accepted: ids, numbers, moments, ETags, fields."""

from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect

from api.middleware import RequestFrame


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "searches/x:pause"),
        ("GET", "searches/x:pause"),
        ("DELETE", "evaluations/x:stop"),
        ("GET", "nodes/x:drain"),
        ("GET", "trials/x:retry"),
    ],
)
def test_a_verb_is_no_id(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, f"/api/v1/{path}")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("number", [7.0, 7])
def test_a_whole_number_may_be_written_as_any_number(client: TestClient, number: float) -> None:
    document = {"name": "x", "trials": number, "train": {"batch_size": 64.0}, "pruner": {"rungs": [1.0, 2]}}
    made = client.post("/api/v1/searches", json=document)
    assert made.status_code == 202, made.text
    spec = made.json()["spec"]
    assert (spec["trials"], spec["train"]["batch_size"], spec["pruner"]["rungs"]) == (7, 64, [1, 2])
    path = f"/api/v1/searches/{made.json()['id']}"
    assert client.patch(path, json={"priority": number}).json()["priority"] == 7
    assert client.post(f"{path}:extend", json={"trials": number}).json()["trials_total"] == 14


@pytest.mark.parametrize("odd", ["7", True, 7.5])
def test_what_is_no_whole_number_is_refused(client: TestClient, odd: object) -> None:
    assert client.post("/api/v1/searches", json={"name": "x", "trials": odd}).status_code == 422
    path = f"/api/v1/searches/{client.post('/api/v1/searches', json={'name': 'x'}).json()['id']}"
    for verb, body in ((client.patch, {"priority": odd}), (client.patch, {"trials": odd})):
        assert verb(path, json=body).status_code == 422
    assert client.post(f"{path}:extend", json={"trials": odd}).status_code == 422


@pytest.mark.parametrize("odd", [0, 1, "true"])
def test_a_truth_value_is_true_or_false(client: TestClient, seed: Any, odd: object) -> None:
    assert client.patch("/api/v1/nodes/node-a", json={"slots": 4, "gives_back": odd}).status_code == 422
    assert client.post("/api/v1/nodes/node-a:drain", json={"gives_back": odd}).status_code == 422
    assert client.post("/api/v1/nodes/node-a:drain", json={"gives_back": True}).status_code == 200


@pytest.mark.parametrize("odd", ["0.5", "1700000000", "1e3"])
def test_a_moment_is_a_date_and_no_number(client: TestClient, odd: str) -> None:
    assert client.get("/api/v1/audit", params={"until": odd}).status_code == 422
    assert client.get("/api/v1/audit", params={"until": "2026-01-31T00:00Z"}).status_code == 200


def test_the_document_bounds_the_fields_of_a_spec(client: TestClient) -> None:
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    for name in ("SearchSpec", "TrainSpec", "Confirmation", "EvaluationSpec", "Setting", "RelativeStepGrid"):
        assert schemas[name]["additionalProperties"] is False, name
    best = schemas["SearchSpec"]["properties"]["best_probability"]
    assert (best["minimum"], best["maximum"]) == (0, 1)
    assert schemas["TrainSpec"]["properties"]["epochs"]["exclusiveMinimum"] == 0
    assert schemas["TrainSpec"]["properties"]["epochs"]["maximum"] == 10_000


@pytest.mark.parametrize("broken", [anyio.BrokenResourceError(), ClientDisconnect()])
def test_a_client_that_leaves_a_stream_is_no_fault_of_ours(broken: Exception, capsys: Any) -> None:
    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise BaseExceptionGroup("of a task group", [broken])

    sent = asked(stream)
    assert [each["type"] for each in sent] == ["http.response.start"]
    assert "request failed" not in capsys.readouterr().err


def test_a_stream_that_breaks_by_itself_is_one() -> None:
    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ExceptionGroup("of a task group", [anyio.BrokenResourceError(), ValueError("ours")])

    with pytest.raises(ExceptionGroup):
        asked(stream)


def asked(app: Any) -> list[dict[str, Any]]:
    """What a client is sent."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        scope = {"type": "http", "method": "GET", "path": "/api/v1/events", "headers": []}
        await RequestFrame(app)(scope, None, send)

    anyio.run(ask)
    return sent
