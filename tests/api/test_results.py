"""What a search has produced, over REST: trials, lineage, leaderboard, equations; nodes and operations."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

COLUMN = "g / nope(g)".index("nope") + 1


def test_trials_are_listed_without_and_read_with_their_curves(client: TestClient, seed: Any) -> None:
    page = client.get(f"/api/v1/searches/{seed.search_id}/trials", params={"state": "completed"}).json()
    assert len(page["items"]) == 6
    assert all("result" not in trial for trial in page["items"])
    trial = client.get(f"/api/v1/trials/{page['items'][0]['id']}").json()
    assert len(trial["result"]["curve"]) == 8
    assert trial["attempts"][0]["outcome"] == "completed"
    assert trial["validation_accuracy"] == trial["result"]["validation_accuracy"]


def test_a_diverged_trial_shows_why_and_its_nan_is_null(client: TestClient, seed: Any) -> None:
    page = client.get(f"/api/v1/searches/{seed.search_id}/trials", params={"state": "diverged"}).json()
    assert page["items"][0]["reason"] == "the loss is NaN"
    trial = client.get(f"/api/v1/trials/{page['items'][0]['id']}").json()
    assert trial["result"]["curve"][1]["train_loss"] is None


def test_a_running_trial_shows_its_progress(client: TestClient, seed: Any) -> None:
    page = client.get(f"/api/v1/searches/{seed.search_id}/trials", params={"state": "running"}).json()
    assert [trial["progress"]["images_per_s"] for trial in page["items"]] == [612.0]


def test_trials_by_purpose(client: TestClient, seed: Any) -> None:
    path = f"/api/v1/searches/{seed.search_id}/trials"
    (baseline,) = client.get(path, params={"purpose": "baseline"}).json()["items"]
    assert baseline["equation"] == "g"
    assert client.get(path, params={"purpose": "evaluation"}).json()["items"] == []
    (confirmation,) = client.get(f"/api/v1/searches/{seed.search_id}/evaluations").json()["items"]
    assert (confirmation["search_id"], confirmation["role"]) == (seed.search_id, "confirmation")
    found = client.get(f"/api/v1/evaluations/{confirmation['id']}/trials").json()["items"]
    assert sorted(trial["test_accuracy"] for trial in found) == pytest.approx([0.34, 0.35, 0.36])


def test_lineage_goes_page_by_page(client: TestClient, seed: Any) -> None:
    path = f"/api/v1/searches/{seed.search_id}/individuals"
    first = client.get(path, params={"limit": 5}).json()
    second = client.get(path, params={"limit": 5, "cursor": first["next_cursor"]}).json()
    assert [each["number"] for each in first["items"] + second["items"]] == list(range(9))
    assert second["next_cursor"] is None
    assert second["items"][0]["parent"] == 1


def test_the_leaderboard_ranks_confirmed_first_and_plain_backprop_among_them(
    client: TestClient, seed: Any
) -> None:
    rows = client.get(f"/api/v1/searches/{seed.search_id}/leaderboard").json()["items"]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["confirmed"]
    assert rows[0]["equation"] == "g / fro(g)"
    assert rows[0]["validation"]["n"] == 3
    assert rows[0]["test"]["mean"] == pytest.approx(0.35)
    assert [row["equation"] for row in rows if row["is_baseline"]] == ["g"]
    assert {row["equation"]: row["latex"] for row in rows}["g / fro(g)"].startswith("\\frac")
    assert rows[0]["verdict"] == "too few seeds: n = 0"
    of_all = client.get("/api/v1/leaderboard").json()["items"]
    assert of_all == [row | {"verdict": None} for row in rows]


def test_leaderboard_pages_go_on_counting(client: TestClient, seed: Any) -> None:
    first = client.get("/api/v1/leaderboard", params={"limit": 2}).json()
    second = client.get("/api/v1/leaderboard", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [row["rank"] for row in second["items"]] == [3, 4]
    assert seed.search_id == second["items"][0]["search_id"]


def test_an_equation_is_checked_in_every_notation(client: TestClient) -> None:
    report = client.post("/api/v1/equations:check", json={"equation": "g/fro( g )"}).json()
    assert report["text"] == "g / fro(g)"
    assert report["mathml"].startswith("<math")
    assert "\\frac" in report["latex"]
    assert report["infeasible"] is None
    assert report["fingerprint"]
    assert report["facts"]["complexity"] >= 2
    assert report["json"]


def test_an_infeasible_equation_is_understood_and_explained(client: TestClient) -> None:
    answer = client.post("/api/v1/equations:check", json={"equation": "W + g"})
    assert answer.status_code == 200
    assert answer.json()["infeasible"]
    assert answer.json()["fingerprint"] is None


@pytest.mark.parametrize("text", ["", "g / nope(g)", "((((((((" * 5000, "g + " * 40, "__import__('os')"])
def test_a_wrong_equation_points_at_the_column(client: TestClient, text: str) -> None:
    answer = client.post("/api/v1/equations:check", json={"equation": text})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "equation"
    assert answer.json()["errors"][0]["column"] >= 1


def test_the_column_is_where_the_mistake_is(client: TestClient) -> None:
    answer = client.post("/api/v1/equations:check", json={"equation": "g / nope(g)"})
    assert answer.json()["errors"][0]["column"] == COLUMN


def test_known_equations_are_listed(client: TestClient) -> None:
    names = {each["name"] for each in client.get("/api/v1/equations/known").json()["items"]}
    assert {"backprop", "feedback-alignment", "direct-feedback-alignment"} <= names


def test_the_history_of_a_behaviour(client: TestClient, seed: Any) -> None:
    row = client.get("/api/v1/leaderboard").json()["items"][0]
    history = client.get(f"/api/v1/equations/{row['fingerprint']}").json()
    assert history["fingerprint"] == row["fingerprint"]
    assert len(history["items"]) == 4
    assert client.get("/api/v1/equations/unheard-of").json()["items"] == []
    assert [each["search_id"] for each in history["items"]] == [seed.confirmation_id] * 3 + [seed.search_id]


def test_nodes_and_their_busy_slots(client: TestClient, seed: Any) -> None:
    node = client.get("/api/v1/nodes").json()["items"][0]
    assert (node["name"], node["slots"], node["busy"]) == ("node-a", 2, 1)
    assert seed.search_id


def test_datasets_are_the_catalogue(client: TestClient) -> None:
    items = client.get("/api/v1/datasets").json()["items"]
    assert items[0]["name"] == "cifar10-mini"
    assert items[0]["bundled"]
    assert items[0]["shape"] == [3, 32, 32]


def test_metrics_count_what_is_stored(client: TestClient, seed: Any) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'backprop_evo_searches{state="running"} 1.0' in lines
    assert 'backprop_evo_trials{state="completed"} 9.0' in lines
    assert 'backprop_evo_trials{state="diverged"} 1.0' in lines
    assert 'backprop_evo_node_busy_slots{node="node-a"} 1.0' in lines
    assert f"backprop_evo_last_event {float(seed.store.events.last())}" in lines


def test_health_and_version(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    assert client.get("/version").json()["name"] == "backprop-evo"
