"""Verbs over REST on both databases: at one version one request acts, however many come at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.search.lifecycle import VERBS

SEARCHES = "/api/v1/searches"
SPEC = {"name": "from a test", "trials": 5}
AT_ONCE = 50


@pytest.fixture
def url(database_url: str) -> str:
    """Of both databases, for the store of this folder."""
    return database_url


@pytest.fixture
def search(client: TestClient) -> str:
    """The path of a search that waits."""
    return f"{SEARCHES}/{client.post(SEARCHES, json=SPEC).json()['id']}"


def at_once(client: TestClient, path: str, headers: dict[str, str], body: Any) -> Counter[int]:
    """How often each status was answered."""

    def ask(_: int) -> int:
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code < 400 or answer.json()["type"].endswith(":precondition-failed"), answer.text
        return answer.status_code

    with ThreadPoolExecutor(16) as pool:
        return Counter(pool.map(ask, range(AT_ONCE)))


@pytest.mark.parametrize("verb", ["pause", "stop", "cancel", "extend"])
def test_of_many_at_one_version_one_acts_and_the_others_are_told(
    client: TestClient, search: str, verb: str
) -> None:
    seen = {"If-Match": client.get(search).headers["etag"]}
    body = dict(VERBS[verb].example)
    assert at_once(client, f"{search}:{verb}", seen, body) == {200: 1, 412: AT_ONCE - 1}
    after = client.get(search).json()
    assert after["version"] == 2
    assert after["trials_total"] == 5 + body.get("trials", 0)


def test_resume_is_as_exact(client: TestClient, search: str) -> None:
    seen = {"If-Match": client.post(f"{search}:pause").headers["etag"]}
    assert at_once(client, f"{search}:resume", seen, None) == {200: 1, 412: AT_ONCE - 1}
    assert client.get(search).json()["state"] == "running"


def test_without_if_match_every_extension_counts(client: TestClient, search: str) -> None:
    assert at_once(client, f"{search}:extend", {}, {"trials": 2}) == {200: AT_ONCE}
    assert client.get(search).json()["trials_total"] == 5 + 2 * AT_ONCE


def test_a_clone_is_of_the_version_that_was_seen(client: TestClient, search: str) -> None:
    seen = {"If-Match": client.get(search).headers["etag"]}
    assert client.post(f"{search}:clone", headers=seen).status_code == 202, "cloning changes nothing"
    assert client.post(f"{search}:clone", headers=seen).json()["spec"]["trials"] == 5
    extended = client.post(f"{search}:extend", json={"trials": 2}).headers["etag"]
    stale = client.post(f"{search}:clone", headers=seen)
    assert (stale.status_code, stale.json()["title"]) == (412, "Precondition failed")
    fresh = client.post(f"{search}:clone", headers={"If-Match": extended})
    assert fresh.json()["spec"]["trials"] == 7
    assert len(client.get(SEARCHES).json()["items"]) == 4


def test_a_search_that_waits_cannot_be_resumed(client: TestClient, search: str) -> None:
    before = client.get(search).json()
    refused = client.post(f"{search}:resume")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith(":illegal-transition")
    assert refused.json()["legal_verbs"] == before["verbs"]
    assert before["verbs"] == ["pause", "stop", "cancel", "extend", "inject", "clone", "challenge"]
    assert client.get(search).json() == before


def test_if_match_goes_before_legality(client: TestClient, search: str) -> None:
    """Who is told 409 has seen the state that forbids it."""
    assert client.post(f"{search}:resume", headers={"If-Match": '"9"'}).status_code == 412
    assert client.post(f"{search}:resume", headers={"If-Match": '"1"'}).status_code == 409


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_route_with_what_its_row_says(client: TestClient, verb: str) -> None:
    document = client.get("/api/v1/openapi.json").json()
    operation = document["paths"][f"{SEARCHES}/{{search_id}}:{verb}"]["post"]
    assert operation["summary"] == f"{verb} search".title()
    assert operation["description"] == VERBS[verb].summary
    assert operation["operationId"] == f"{verb}_search_api_v1_searches__search_id__{verb}_post"
    assert set(operation["responses"]) == {str(VERBS[verb].status), "default"}
    assert [each["name"] for each in operation["parameters"]] == ["search_id", "If-Match", "Idempotency-Key"]
    assert ("requestBody" in operation) == bool(VERBS[verb].arguments)


def test_bodies_are_the_arguments(client: TestClient) -> None:
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    extend, clone = schemas["ExtendIn"], schemas["CloneIn"]
    assert (extend["required"], extend["additionalProperties"]) == (["trials"], False)
    trials = extend["properties"]["trials"]
    assert (trials["type"], trials["minimum"], trials["maximum"]) == ("integer", 1, 10_000_000)
    assert "required" not in clone
    assert clone["properties"]["name"]["anyOf"][0] == {"type": "string", "minLength": 1, "maxLength": 200}
    assert clone["properties"]["seed"]["anyOf"][0] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 2**53 - 1,
    }


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("extend", {}, "body.trials"),
        ("extend", {"trials": 0}, "body.trials"),
        ("extend", {"trials": 10_000_001}, "body.trials"),
        ("extend", {"trials": 1, "seed": 3}, "body.seed"),
        ("clone", {"name": ""}, "body.name"),
        ("clone", {"seed": 2**53}, "body.seed"),
        ("clone", {"trials": 1}, "body.trials"),
    ],
)
def test_a_wrong_argument_is_named(
    client: TestClient, search: str, verb: str, body: dict[str, Any], field: str
) -> None:
    answer = client.post(f"{search}:{verb}", json=body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert client.get(search).json()["version"] == 1
