"""Steering over REST: marks, deletion, retries, equations put in; refused in words where it cannot be."""

import pytest

from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import TrainResult

API = "/api/v1"
PRESSED = {"content-type": "application/x-www-form-urlencoded"}
"""A form without a field, as a browser sends it."""


@pytest.fixture
def search(seed):
    return f"{API}/searches/{seed.search_id}"


def failed_trial(seed):
    """The one that waits, failed."""
    (waiting,) = [each for each in seed.store.trials.open(seed.search_id) if each.state is TrialState.QUEUED]
    lease = seed.store.trials.claim(waiting.id, "node-b/0", lease_s=60, now=seed.tick())
    assert seed.store.trials.start(lease, now=seed.tick())
    failed = TrainResult(outcome=TrialState.FAILED, reason="no data set")
    assert seed.store.trials.finish(lease, failed, now=seed.tick())
    return waiting.id


def test_marks_are_patched_at_the_version_that_was_seen(client, search):
    seen = client.get(search)
    body = {"priority": 5, "tags": ["Paper", "a.b"], "note": "for section 4"}
    changed = client.patch(search, json=body, headers={"If-Match": seen.headers["etag"]})
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in body} == {**body, "tags": ["a.b", "paper"]}
    assert changed.headers["etag"] != seen.headers["etag"]
    stale = client.patch(search, json={"note": "x"}, headers={"If-Match": seen.headers["etag"]})
    assert (stale.status_code, stale.json()["title"]) == (412, "Precondition failed")
    assert client.get(search).json()["note"] == "for section 4"
    assert client.get(f"{API}/searches?tag=paper").json()["items"][0]["tags"] == ["a.b", "paper"]
    assert client.get(f"{API}/searches?tag=pap").json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"priority": 0},
        {"priority": "5"},
        {"priority": None},
        {"tags": ["a b"]},
        {"tags": "a"},
        {"note": "x" * 10_001},
        {"archived": "yes"},
        {"trials": 0},
        {"colour": "red"},
        [],
    ],
)
def test_odd_changes_are_refused_and_change_nothing(client, search, body):
    version = client.get(search).json()["version"]
    refused = client.patch(search, json=body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["detail"]
    assert client.get(search).json()["version"] == version


def test_what_runs_is_neither_archived_nor_deleted(client, search):
    for refused in (client.patch(search, json={"archived": True}), client.delete(search)):
        assert refused.status_code == 409
        assert "stop or cancel it first" in refused.json()["hint"]
    assert client.get(search).status_code == 200


def test_an_ended_search_is_archived_then_deleted(client, seed, search):
    seed.end(SearchState.CANCELLED)
    assert client.patch(search, json={"archived": True}).json()["archived"] is True
    assert client.get(f"{API}/searches").json()["items"] == []
    assert len(client.get(f"{API}/searches?archived=true").json()["items"]) == 1
    etag = client.get(search).headers["etag"]
    assert client.delete(search, headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(search, headers={"If-Match": etag}).status_code == 204
    assert client.get(search).status_code == client.delete(search).status_code == 404
    assert client.get(f"{API}/evaluations/{seed.confirmation_id}").status_code == 404
    assert client.get(f"{API}/leaderboard").json()["items"] == []


def test_the_budget_of_what_runs_is_set(client, seed, search):
    assert client.patch(search, json={"trials": 9}).json()["trials_total"] == 9
    seed.end()
    refused = client.patch(search, json={"trials": 30})
    assert (refused.status_code, "extend" in refused.json()["hint"]) == (409, True)


def test_marks_of_an_evaluation(client, seed):
    path = f"{API}/evaluations/{seed.confirmation_id}"
    assert client.patch(path, json={"note": "seen"}).json()["note"] == "seen"
    assert client.patch(path, json={"trials": 5}).status_code == 422
    seed.end(SearchState.CANCELLED)
    assert "is a stage of search" in client.delete(path).json()["detail"]


def test_a_failed_trial_is_tried_again(client, seed, search):
    trial = failed_trial(seed)
    path = f"{API}/trials/{trial}"
    once = client.post(f"{path}:retry")
    assert once.status_code == 200, once.text
    assert (once.json()["state"], once.json()["result"]) == ("queued", None)
    (end,) = once.json()["retries"]
    assert (end["state"], end["reason"]) == ("failed", "no data set")
    assert client.post(f"{path}:retry").json() == once.json()
    assert client.get(search).json()["retries"] == 1


def test_a_result_is_not_tried_again(client, seed):
    done = next(
        each for each in seed.store.trials.page(seed.search_id).items if each.state is TrialState.COMPLETED
    )
    refused = client.post(f"{API}/trials/{done.id}:retry")
    assert refused.status_code == 409
    assert "only one that ended as failed, lost, oom, timeout" in refused.json()["detail"]
    assert refused.json()["hint"]
    assert client.post(f"{API}/trials/nothing:retry").status_code == 404


def test_equations_are_put_in_and_told_of(client, search):
    body = {"equations": ["g / fro(g) * dh", "clip(g, 1.0) * h"]}
    answer = client.post(f"{search}:inject", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()["injected"]
    assert [(each["place"], each["equation"]) for each in told] == list(enumerate(body["equations"], 1))
    assert {each["outcome"] for each in told} == {"waits for its place"}
    assert answer.json()["injections"] == 2
    more = client.post(f"{search}:inject", json={"equations": ["h"]}).json()["injected"]
    assert [each["place"] for each in more] == [3]
    assert more[0]["outcome"].startswith("will be left untrained: no operand carries the error")
    first = client.get(f"{search}/injections?limit=2").json()
    rest = client.get(f"{search}/injections?cursor={first['next_cursor']}").json()
    assert [each["place"] for each in (*first["items"], *rest["items"])] == [1, 2, 3]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"equations": []}, "equations"),
        ({"equations": ["g"] * 201}, "equations"),
        ({"equations": ["g" * 1001]}, "equations"),
        ({"equations": "g"}, "equations"),
        ({}, "equations"),
        ({"equations": ["g", "g +* h"]}, "equations[1]"),
        ({"equations": ["g"], "more": 1}, "more"),
    ],
)
def test_odd_equations_are_refused_by_name(client, search, body, said):
    refused = client.post(f"{search}:inject", json=body)
    assert refused.status_code == 422
    assert said in refused.text
    assert client.get(f"{search}/injections").json()["items"] == []


def test_a_spent_budget_and_an_ended_search_take_no_equations(client, seed, search):
    client.patch(search, json={"trials": 8})
    refused = client.post(f"{search}:inject", json={"equations": ["g / fro(g) * dh"]})
    assert (refused.status_code, "extend it by 1 trials" in refused.json()["hint"]) == (409, True)
    seed.end(SearchState.CANCELLED)
    refused = client.post(f"{search}:inject", json={"equations": ["g / fro(g) * dh"]})
    assert (refused.status_code, refused.json()["legal_verbs"]) == (409, ["clone"])


def test_the_pages_do_it_without_a_script(client, seed, search):
    page = f"/searches/{seed.search_id}"
    form = {"priority": "4", "tags": "one two", "note": "<b>seen</b>"}
    assert client.post(f"{page}/change", data=form, follow_redirects=False).status_code == 303
    shown = client.get(page).text
    assert 'value="one two"' in shown
    assert "&lt;b&gt;seen&lt;/b&gt;" in shown
    assert "Yes, delete this search" not in shown
    put_in = client.post(f"{page}/inject", data={"equations": "g / fro(g) * dh\r\n\r\nclip(g, 1.0) * h"})
    assert put_in.text.count("waits for its place") == 2
    wrong = client.post(f"{page}/inject", data={"equations": "g +* h"})
    assert wrong.status_code == 422
    assert "equations[0]" in wrong.text
    assert "g +* h" in wrong.text
    trial = failed_trial(seed)
    assert f'action="/trials/{trial}/retry"' in client.get(f"/trials/{trial}").text
    again = client.post(f"/trials/{trial}/retry", headers=PRESSED)
    assert "Ends that were tried again" in again.text
    assert "no data set" in again.text
    assert f'action="/trials/{trial}/retry"' not in again.text
    seed.end(SearchState.CANCELLED)
    client.post(f"{page}/change", data={**form, "archived": "true"})
    assert "normalised gradients" not in client.get("/").text
    assert "normalised gradients" in client.get("/?archived=true").text
    assert "Yes, delete this search" in client.get(page).text
    assert client.post(f"{page}/delete", headers=PRESSED).url.path == "/"
    assert client.get(page).status_code == 404
