"""Forms start one search however often they are pressed, come back mended, and escape what is hostile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.callers import KeyScope
from backprop_evo.store.sql import SqlStore

HOSTILE = "<script>alert(1)</script>"
FORM = {
    "name": "from a form",
    "trials": "5",
    "epochs": "1",
    "learning_rate": "0.1, 1.0",
    "start": "g\n\ng / fro(g)",
}
AS_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_form_starts_a_search_once(client: TestClient) -> None:
    form = FORM | {"idempotency_key": "pressed-twice"}
    first = client.post("/searches", data=form, follow_redirects=False)
    second = client.post("/searches", data=form, follow_redirects=False)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    stored = client.get("/api/v1" + first.headers["location"]).json()["spec"]
    assert stored["start"] == ["g", "g / fro(g)"]
    assert stored["train"]["learning_rate"]["rates"] == [0.1, 1.0]
    assert len(client.get("/api/v1/searches").json()["items"]) == 1


def test_many_presses_at_once_start_one_search(client: TestClient) -> None:
    form = FORM | {"idempotency_key": "pressed-often"}

    def press(_: int) -> tuple[int, str]:
        answer = client.post("/searches", data=form, follow_redirects=False)
        return answer.status_code, answer.headers["location"]

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(press, range(12)))
    (search,) = client.get("/api/v1/searches").json()["items"]
    assert answers == {(303, f"/searches/{search['id']}")}


def test_a_form_that_was_refused_can_be_mended_and_sent_under_its_key(client: TestClient) -> None:
    form = FORM | {"idempotency_key": "mended"}
    refused = client.post("/searches", data=form | {"trials": "many"})
    assert refused.status_code == 422
    assert 'value="mended"' in refused.text
    assert client.post("/searches", data=form, follow_redirects=False).status_code == 303
    other = client.post("/searches", data=form | {"trials": "7"}, follow_redirects=False)
    assert (other.status_code, "Conflict" in other.text) == (409, True)
    assert len(client.get("/api/v1/searches").json()["items"]) == 1


def test_a_form_with_a_key_that_is_none_is_refused_and_without_one_is_sent_as_often_as_it_comes(
    client: TestClient,
) -> None:
    long = client.post("/searches", data=FORM | {"idempotency_key": "k" * 201})
    assert (long.status_code, "1 to 200" in long.text) == (422, True)
    for _ in range(2):
        sent = client.post("/searches", data=FORM | {"idempotency_key": ""}, follow_redirects=False)
        assert sent.status_code == 303
    assert len(client.get("/api/v1/searches").json()["items"]) == 2


def test_no_other_form_is_kept_least_of_all_the_one_that_signs_in(
    client: TestClient, store: SqlStore
) -> None:
    _, key = store.keys.issue("a test", KeyScope.READ, now=datetime.now(UTC))
    form = {"key": key, "idempotency_key": "k"}
    assert client.post("/login", data=form, follow_redirects=False).status_code == 303
    assert store.requests.find("", "k") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("trials", "many"), ("epochs", ""), ("start", "g / nope(g)"), ("model", "wrn-1"), ("name", " ")],
)
def test_a_wrong_form_comes_back_with_what_was_typed(client: TestClient, field: str, value: str) -> None:
    answer = client.post("/searches", data=FORM | {field: value, "seed": "12345"})
    if (field, value) == ("epochs", ""):  # an empty field means the default
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'value="12345"' in answer.text
    assert client.get("/api/v1/searches").json()["items"] == []


def test_buttons_act_and_an_impossible_one_is_a_page(client: TestClient, seed: Any) -> None:
    path = f"/searches/{seed.search_id}"
    assert "paused" in client.post(f"{path}/pause", data={}, headers=AS_FORM).text
    assert "running" in client.post(f"{path}/resume", data={}, headers=AS_FORM).text
    assert client.post(f"{path}/extend", data={"trials": "6"}).status_code == 200
    assert client.get("/api/v1" + path).json()["trials_total"] == 30
    assert client.post(f"{path}/clone", data={}, headers=AS_FORM).status_code == 200
    client.post(f"{path}/cancel", data={}, headers=AS_FORM)
    refused = client.post(f"{path}/pause", data={}, headers=AS_FORM)
    assert refused.status_code == 409
    assert "Possible now: clone" in refused.text
    assert client.post(f"{path}/explode", data={}, headers=AS_FORM).status_code == 404


def test_what_people_type_is_never_markup(client: TestClient, seed: Any) -> None:
    client.post("/searches", data=FORM | {"name": HOSTILE})
    submitted = client.get("/api/v1/searches").json()["items"][0]
    assert submitted["spec"]["name"] == HOSTILE
    search_id = submitted["id"]
    hostile_paths = (
        "/",
        f"/searches/{search_id}",
        f"/searches/{search_id}/trials",
        f"/leaderboard?search_id={search_id}",
        "/equations?text=" + HOSTILE,
        "/searches/" + HOSTILE.replace("/", ""),
        "/nope" + HOSTILE,
        f"/searches/{search_id}/trials?state=<script>x",
    )
    for path in hostile_paths:
        answer = client.get(path)
        assert "<script>" not in answer.text, path
        assert "alert" in answer.text or answer.status_code == 422
    assert seed.search_id
