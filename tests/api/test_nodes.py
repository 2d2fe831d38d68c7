"""Nodes are scaled, drained and labelled over REST and on their page; the pool tells what it wants."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.nodes import NodeWish
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import NO_NODE_CAN
from backprop_evo.store.sql import SqlStore

NODE = "/api/v1/nodes/node-a"


def test_a_node_tells_its_state_and_what_its_slots_train(client: TestClient, seed: Any) -> None:
    (node,) = client.get("/api/v1/nodes").json()["items"]
    assert node == client.get(NODE).json()
    assert (node["state"], node["wish"]["slots"], node["labels"]) == ("ready", None, [])
    (training,) = node["training"]
    assert (training["slot"], training["search_id"]) == (0, seed.search_id)
    assert client.get("/api/v1/trials/" + training["trial_id"]).json()["state"] == "running"
    assert client.get("/api/v1/nodes/nobody").status_code == 404


def test_a_node_is_scaled_and_labelled_and_what_is_left_out_stays(client: TestClient, seed: Any) -> None:
    asked = client.patch(NODE, json={"slots": 4, "gives_back": True}).json()
    assert asked["wish"] == {"slots": 4, "labels": None, "draining": False, "gives_back": True}
    assert asked["slots"] == 2, "it has not obeyed yet"
    asked = client.patch(NODE, json={"labels": ["a100", "big", "a100"]}).json()
    assert asked["labels"] == asked["wish"]["labels"] == ["a100", "big"]
    assert (asked["wish"]["slots"], asked["wish"]["gives_back"]) == (4, True)
    asked = client.patch(NODE, json={"slots": None}).json()
    assert (asked["wish"]["slots"], asked["wish"]["gives_back"]) == (None, False)
    kinds = [event.kind for event in seed.store.events.after()]
    assert kinds.count("node.asked") == 3


def test_a_node_is_drained_and_resumed_with_its_slots_kept(client: TestClient, seed: Any) -> None:
    client.patch(NODE, json={"slots": 3})
    assert client.post(f"{NODE}:drain").json()["state"] == "draining", "its trial is not finished"
    drained = client.post(f"{NODE}:drain", json={"gives_back": True}).json()
    assert drained["wish"] == {"slots": 3, "labels": None, "draining": True, "gives_back": True}
    assert client.get("/api/v1/nodes").json()["items"][0]["state"] == "draining"
    again = client.post(f"{NODE}:resume").json()["wish"]
    assert again == {**drained["wish"], "draining": False, "gives_back": False}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (NODE, {"slots": 257}, 422),
        (NODE, {"slots": -1}, 422),
        (NODE, {"slots": 1.5}, 422),
        (NODE, {"slots": "4"}, 422),
        (NODE, {"labels": ["a b"]}, 422),
        (NODE, {"labels": ["\0"]}, 422),
        (NODE, {}, 422),
        (NODE, {"gives_back": True}, 422),
        (NODE, {"draining": True}, 422),
        ("/api/v1/nodes/nobody", {"slots": 1}, 404),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    client: TestClient, seed: Any, path: str, body: dict[str, Any], status: int
) -> None:
    answer = client.patch(path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert seed.store.nodes.wish("node-a") == NodeWish()


def test_the_dead_are_shown_as_dead(client: TestClient, store: SqlStore, seed: Any) -> None:
    node = store.nodes.find("node-a")
    assert node is not None
    store.nodes.record_heartbeat(replace(node, seen_at=node.seen_at - timedelta(seconds=61)))
    (shown,) = client.get("/api/v1/nodes").json()["items"]
    assert shown["state"] == "dead"
    assert "dead" in client.get("/nodes").text
    assert client.get("/api/v1/pool").json()["slots"] == 0
    assert client.patch(NODE, json={"slots": 7}).json()["wish"]["slots"] == 7, "for when it comes back"


def test_the_pool_tells_how_many_slots_would_be_busy(client: TestClient, seed: Any) -> None:
    found = client.get("/api/v1/pool").json()
    assert (found["nodes"], found["slots"], found["busy"], found["running"]) == (1, 2, 1, 1)
    assert found["wanted"] == found["queued"] + 1 > 1
    assert client.get("/api/v1/pool?max=1").json()["wanted"] == 1
    assert client.get("/api/v1/pool?min=50").json()["wanted"] == 50
    assert client.get("/api/v1/pool?min=2&max=1").status_code == 422
    lines = client.get("/metrics").text.splitlines()
    assert f"backprop_evo_slots_wanted {float(found['wanted'])}" in lines
    assert "backprop_evo_slots 2.0" in lines
    assert "backprop_evo_slots_busy 1.0" in lines
    assert f"backprop_evo_queue_length {float(found['queued'])}" in lines
    assert "backprop_evo_pool" not in str(lines), "a number has one name"


def test_the_forms_of_the_page_ask_without_a_script(client: TestClient, seed: Any) -> None:
    def send(act: str, **form: str) -> Any:
        return client.post(f"/nodes/node-a/{act}", data=form, follow_redirects=False)

    text = client.get("/nodes").text
    for act in ("scale", "label", "drain"):
        assert f'action="/nodes/node-a/{act}"' in text
    assert send("scale", slots=" 4 ").headers["location"] == "/nodes"
    assert send("label", labels="a100, big").status_code == 303
    assert send("drain", gives_back="on").status_code == 303
    wish = NodeWish(slots=4, labels=("a100", "big"), draining=True, gives_back=True)
    assert seed.store.nodes.wish("node-a") == wish
    text = client.get("/nodes").text
    assert 'action="/nodes/node-a/resume"' in text
    assert 'value="a100, big"' in text
    for act in ("resume", "scale", "label"):
        assert send(act, slots="", labels=" ").status_code == 303
    assert seed.store.nodes.wish("node-a") == NodeWish()
    assert send("explode", slots="1").status_code == 404


@pytest.mark.parametrize(
    ("act", "form"),
    [("scale", {"slots": "many"}), ("scale", {"slots": "999"}), ("label", {"labels": "<b>, c"})],
)
def test_what_was_typed_wrong_comes_back_beside_its_field(
    client: TestClient, seed: Any, act: str, form: dict[str, str]
) -> None:
    answer = client.post(f"/nodes/node-a/{act}", data=form, follow_redirects=False)
    assert answer.status_code == 422
    assert 'id="node-error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    (typed,) = form.values()
    assert f'value="{typed.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text
    assert seed.store.nodes.wish("node-a") == NodeWish()


def test_a_search_that_the_service_paused_says_that_it_goes_on_by_itself(
    client: TestClient, seed: Any
) -> None:
    moved = {"now": seed.tick(), "reason": "no live node can train it", "stranded": NO_NODE_CAN}
    seed.store.searches.move(seed.search_id, SearchState.PAUSED, **moved)
    path = f"/searches/{seed.search_id}"
    assert client.get(f"/api/v1{path}").json()["stranded"] == NO_NODE_CAN
    assert "goes on by itself" in client.get(path).text
    client.post(f"/api/v1{path}:pause")
    assert client.get(f"/api/v1{path}").json()["stranded"] is None
    assert "goes on by itself" not in client.get(path).text
