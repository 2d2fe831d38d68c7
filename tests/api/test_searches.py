"""Searches over REST: submitting, reading, verbs, versions, pages."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

SPEC = {"name": "from a test", "trials": 5, "train": {"epochs": 1.0, "learning_rate": {"rates": [0.1, 1.0]}}}


def submit(client: TestClient, **changes: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/searches", json=SPEC | changes)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def test_a_submitted_search_waits_where_location_says(client: TestClient) -> None:
    answer = client.post("/api/v1/searches", json=SPEC)
    assert answer.status_code == 202
    found = client.get(answer.headers["location"])
    assert found.status_code == 200
    assert "no node is alive" in answer.json()["warnings"][0]
    assert found.json() == answer.json() | {"warnings": []}
    assert found.json()["state"] == "queued"
    assert found.json()["spec"]["train"]["learning_rate"]["rates"] == [0.1, 1.0]
    assert found.headers["etag"] == 'W/"1"', "weak, for it was compressed"
    plain = client.get(answer.headers["location"], headers={"Accept-Encoding": "identity"})
    assert plain.headers["etag"] == '"1"'


def test_a_search_may_ask_for_alignment(client: TestClient) -> None:
    search = submit(client, train={"epochs": 1.0, "alignment_every": 20})
    assert client.get(f"/api/v1/searches/{search['id']}").json()["spec"]["train"]["alignment_every"] == 20


def test_the_same_key_submits_once_and_another_spec_under_it_conflicts(client: TestClient) -> None:
    headers = {"Idempotency-Key": "only-once"}
    first = client.post("/api/v1/searches", json=SPEC, headers=headers).json()
    second = client.post("/api/v1/searches", json=SPEC, headers=headers).json()
    assert first["id"] == second["id"]
    other = client.post("/api/v1/searches", json=SPEC | {"trials": 6}, headers=headers)
    assert other.status_code == 409
    assert len(client.get("/api/v1/searches").json()["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"trials": 0}, "trials"),
        ({"trails": 3}, "trails"),
        ({"train": {"epochs": -1.0}}, "train.epochs"),
        ({"train": {"model": "wrn-11-1"}}, "train.model"),
        ({"start": ["g /"]}, "equation"),
        ({"seed": "seven"}, "seed"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_field(
    client: TestClient, changes: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/v1/searches", json=SPEC | changes)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert client.get("/api/v1/searches").json()["items"] == []


def test_an_unknown_data_set_is_named_with_those_that_are_known(client: TestClient) -> None:
    answer = client.post("/api/v1/searches", json=SPEC | {"train": {"data": "cifar11"}})
    assert answer.status_code == 422
    assert "cifar11" in answer.json()["detail"]
    assert "cifar10-mini" in answer.json()["hint"]


def test_verbs_follow_the_states_and_may_be_repeated(client: TestClient) -> None:
    path = f"/api/v1/searches/{submit(client)['id']}"
    for verb, state in (
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "running"),
        ("stop", "stopping"),
        ("cancel", "cancelled"),
        ("cancel", "cancelled"),
    ):
        answer = client.post(f"{path}:{verb}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == state
    assert client.get(path).json()["verbs"] == ["clone"]


def test_a_verb_out_of_place_lists_the_legal_ones(client: TestClient) -> None:
    path = f"/api/v1/searches/{submit(client)['id']}"
    client.post(f"{path}:cancel")
    answer = client.post(f"{path}:pause")
    assert answer.status_code == 409
    assert answer.json()["legal_verbs"] == ["clone"]
    assert answer.json()["type"].endswith(":illegal-transition")


def test_extend_adds_trials(client: TestClient) -> None:
    path = f"/api/v1/searches/{submit(client)['id']}"
    assert client.post(f"{path}:extend", json={"trials": 7}).json()["trials_total"] == 12
    assert client.post(f"{path}:extend", json={"trials": 0}).status_code == 422


def test_clone_copies_once_per_key(client: TestClient) -> None:
    original = submit(client)
    path = f"/api/v1/searches/{original['id']}:clone"
    copy = client.post(path, json={"name": "again", "seed": 3}, headers={"Idempotency-Key": "k"})
    assert copy.status_code == 202
    assert copy.json()["spec"] == original["spec"] | {"name": "again", "seed": 3}
    again = client.post(path, json={"name": "again", "seed": 3}, headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == copy.json()["id"]
    assert client.post(path).json()["spec"] == original["spec"]


def test_if_match_lets_only_the_seen_version_be_changed(client: TestClient) -> None:
    path = f"/api/v1/searches/{submit(client)['id']}"
    seen = client.get(path).headers["etag"]
    assert client.post(f"{path}:pause", headers={"If-Match": seen}).status_code == 200
    stale = client.post(f"{path}:resume", headers={"If-Match": seen})
    assert stale.status_code == 412
    assert client.get(path).json()["state"] == "paused"
    assert client.post(f"{path}:resume", headers={"If-Match": "rubbish!"}).status_code == 400
    assert client.post(f"{path}:extend", json={"trials": 1}, headers={"If-Match": seen}).status_code == 412
    assert client.post(f"{path}:resume", headers={"If-Match": "*"}).status_code == 200


def test_if_match_takes_a_list_of_which_any_may_match(client: TestClient) -> None:
    path = f"/api/v1/searches/{submit(client)['id']}"
    seen = client.get(path).headers["etag"]
    for refused in ('"98", "99"', '"98","97","96"'):
        assert client.post(f"{path}:pause", headers={"If-Match": refused}).status_code == 412
    assert client.post(f"{path}:pause", headers={"If-Match": f'"98", {seen}, W/"99"'}).status_code == 200
    assert client.post(f"{path}:resume", headers={"If-Match": f'"98", {seen}'}).status_code == 412
    for odd in (f"{seen}, *", f"{seen},", ","):
        assert client.post(f"{path}:resume", headers={"If-Match": odd}).status_code == 400
    gone = client.post("/api/v1/searches/none:pause", headers={"If-Match": '"1", "2"'})
    assert gone.status_code == 404


def test_if_none_match_spares_the_body(client: TestClient) -> None:
    path = f"/api/v1/searches/{submit(client)['id']}"
    seen = client.get(path).headers["etag"]
    answer = client.get(path, headers={"If-None-Match": seen})
    assert answer.status_code == 304
    assert answer.content == b""


def test_pages_of_searches_join_without_gap_or_repetition(client: TestClient) -> None:
    submitted = [submit(client, name=f"search {number}")["id"] for number in range(7)]
    seen, cursor = [], None
    while True:
        page = client.get(
            "/api/v1/searches", params={"limit": 3} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(submitted)
    assert len(seen) == len(set(seen))


def test_searches_are_filtered_by_state(client: TestClient) -> None:
    paused = submit(client, name="one")["id"]
    submit(client, name="two")
    client.post(f"/api/v1/searches/{paused}:pause")
    found = client.get("/api/v1/searches", params={"state": "paused"}).json()["items"]
    assert [each["id"] for each in found] == [paused]
    assert client.get("/api/v1/searches", params={"state": "asleep"}).status_code == 422
