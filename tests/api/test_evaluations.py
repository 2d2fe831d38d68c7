"""Evaluations over REST and on their pages, without a worker: trials are ended through the store."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.states import SearchState
from backprop_evo.search.lifecycle import EVALUATION_VERBS
from backprop_evo.service import drive_once
from backprop_evo.store.sql import SqlStore

EVALUATIONS = "/api/v1/evaluations"
HOSTILE = "<script>alert(1)</script>"
SPEC = {
    "name": HOSTILE,
    "methods": ["g / fro(g)", "indirect-feedback"],
    "settings": [{"name": "small", "train": {"model": "mlp-8", "epochs": 1.0}}],
    "seeds": 3,
    "controls": "none",
    "in_flight": 100,
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def evaluation(client: TestClient) -> dict[str, Any]:
    answer = client.post(EVALUATIONS, json=SPEC)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{EVALUATIONS}/{answer.json()['id']}"
    return answer.json()


@pytest.fixture
def ended(client: TestClient, store: SqlStore, evaluation: dict[str, Any], result_of: Any) -> dict[str, Any]:
    """The evaluation with all its trainings; one of them diverged."""
    claimed = store.evaluations.claim("c", lease_s=600, now=NOW)
    assert claimed is not None
    progress, decisions = drive_once(store, claimed, "c", None, now=NOW)
    for trial in decisions.trials:
        lease = store.trials.claim(trial.id, "node/0", lease_s=600, now=NOW)
        assert lease is not None
        assert store.trials.start(lease, now=NOW)
        diverges = trial.individual == 2 and trial.seed == 1
        accuracy = (
            None if diverges else 0.3 + 0.05 * trial.individual + (0.01 + trial.individual / 500) * trial.seed
        )
        assert store.trials.finish(lease, result_of(accuracy), now=NOW)
    drive_once(store, claimed, "c", progress, now=NOW)
    found: dict[str, Any] = client.get(f"{EVALUATIONS}/{evaluation['id']}").json()
    return found


def test_it_is_stored_with_its_words_read_and_listed_apart_from_searches(
    client: TestClient, evaluation: dict[str, Any]
) -> None:
    assert (evaluation["state"], evaluation["seeds"], evaluation["trials_total"]) == ("queued", 3, 9)
    assert evaluation["spec"]["methods"][1] == {"name": "indirect-feedback", "settings": {}}
    assert evaluation["verbs"] == ["pause", "stop", "cancel", "extend"]
    search = client.post("/api/v1/searches", json={"name": "a search"}).json()
    assert [each["id"] for each in client.get(EVALUATIONS).json()["items"]] == [evaluation["id"]]
    assert [each["id"] for each in client.get("/api/v1/searches").json()["items"]] == [search["id"]]
    assert client.get(f"/api/v1/searches/{evaluation['id']}").status_code == 404
    assert client.get(f"{EVALUATIONS}/{search['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"methods": []}, "methods"),
        ({"methods": ["g +"]}, "g +: "),
        ({"methods": [{"name": "equation", "setting": {}}]}, "setting"),
        ({"seeds": 2000}, "seeds"),
        ({"seeds": "3"}, "seeds"),
        ({"seed": 3}, "seed"),
        ({"settings": ["A9"]}, "preset"),
        ({"settings": [{"name": "x", "train": {"epoch": 1.0}}]}, "settings.0.train.epoch"),
        ({"settings": [{"name": "x", "train": {"data": "cifar11"}}]}, "cifar11"),
        ({"settings": ["quick"]}, "train.model"),
        ({"baseline": 9}, "baseline"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(
    client: TestClient, change: dict[str, Any], field: str
) -> None:
    answer = client.post(EVALUATIONS, json=SPEC | change)
    assert answer.status_code == 422, answer.text
    assert field in answer.text
    assert client.get(EVALUATIONS).json()["items"] == []


def test_its_table_has_verdicts_and_comes_in_four_formats(client: TestClient, ended: dict[str, Any]) -> None:
    assert (ended["state"], ended["trials_done"]) == ("completed", 9)
    path = f"{EVALUATIONS}/{ended['id']}/table"
    table = client.get(path).json()
    rows = table["blocks"][0]["rows"]
    assert [row["n"] for row in rows] == [3, 3, 2]
    assert rows[1]["verdict"].startswith("better by 5.2 points")
    assert rows[2]["verdict"].startswith("1 of 3 seeds diverged; over the seeds that completed for both: ")
    for name, begins, kind in (
        ("csv", "setting,setting_id,method", "text/csv"),
        ("latex", "% ", "application/x-tex"),
        ("html", "<!doctype html>", "text/html"),
    ):
        answer = client.get(path, params={"format": name})
        assert answer.text.startswith(begins), name
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-disposition"].startswith("attachment;")
    assert HOSTILE not in client.get(path, params={"format": "html"}).text
    unknown = client.get(path, params={"format": "xls"})
    assert (unknown.status_code, "latex" in unknown.json()["hint"]) == (422, True)
    assert client.get(path).text == client.get(path).text


def test_the_trials_are_listed_and_readable_one_by_one(client: TestClient, ended: dict[str, Any]) -> None:
    trials = client.get(f"{EVALUATIONS}/{ended['id']}/trials").json()["items"]
    assert {(each["purpose"], each["seed"]) for each in trials} == {("evaluation", seed) for seed in range(3)}
    assert len(trials) == 9
    page = client.get(f"/trials/{trials[0]['id']}")
    assert (page.status_code, f"/evaluations/{ended['id']}" in page.text) == (200, True)
    assert "relative 0.01, 0.03, 0.1, probed for 0.2 epochs, at most 1 beyond an edge" in page.text
    events = client.get("/api/v1/events", params={"search_id": ended["id"], "follow": False})
    assert "evaluation.completed" in events.text


@pytest.mark.parametrize("verb", EVALUATION_VERBS)
def test_a_verb_is_a_route_that_holds_to_a_version(
    client: TestClient, evaluation: dict[str, Any], verb: str
) -> None:
    path = f"{EVALUATIONS}/{evaluation['id']}"
    if verb == "resume":
        client.post(f"{path}:pause")
    seen = client.get(path).headers["etag"]
    row = EVALUATION_VERBS[verb]
    wrong = client.post(f"{path}:{verb}", json=dict(row.example), headers={"If-Match": '"99"'})
    assert wrong.status_code == 412
    answer = client.post(f"{path}:{verb}", json=dict(row.example), headers={"If-Match": seen})
    assert answer.status_code == row.status, answer.text
    after = answer.json()
    assert after["state"] == str(row.to or SearchState.QUEUED)
    assert after["seeds"] == 3 + row.example.get("seeds", 0)


def test_the_pages_work_without_a_script(client: TestClient, ended: dict[str, Any]) -> None:
    listed = client.get("/evaluations").text
    assert f'href="/evaluations/{ended["id"]}"' in listed
    page = client.get(f"/evaluations/{ended['id']}").text
    assert page.index("better by 5.2 points") < page.index("<table"), "the verdict comes first"
    assert HOSTILE not in page + listed
    for name in ("json", "csv", "latex", "html"):
        assert f"table?format={name}" in page
    more = client.post(f"/evaluations/{ended['id']}/extend", data={"seeds": "2"}, follow_redirects=False)
    assert (more.status_code, more.headers["location"]) == (303, f"/evaluations/{ended['id']}")
    assert "Second look" in client.get(f"/evaluations/{ended['id']}").text
    wrong = client.post(f"/evaluations/{ended['id']}/extend", data={"seeds": "few"})
    assert (wrong.status_code, 'aria-invalid="true"' in wrong.text) == (422, True)
    assert "/evaluations" in client.get("/").text


def test_no_evaluation_says_how_to_ask_for_one(client: TestClient) -> None:
    assert "backprop-evo evaluate" in client.get("/evaluations").text
    assert client.get("/evaluations/nobody").status_code == 404


def test_the_page_calls_what_was_trained_a_method(client: TestClient, ended: dict[str, Any]) -> None:
    newest = client.get(f"/evaluations/{ended['id']}").text.split('id="recent"')[1]
    assert '<th scope="col">method</th>' in newest
    assert '<th scope="col">equation</th>' not in newest


def test_curves_are_in_the_report_alone(client: TestClient, ended: dict[str, Any], store: SqlStore) -> None:
    table = f"{EVALUATIONS}/{ended['id']}/table"
    assert "<polyline" in client.get(table, params={"format": "html"}).text
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE trials SET result = 'not read'")
    for name in ("json", "csv", "latex"):
        assert client.get(table, params={"format": name}).status_code == 200
