"""Counterparts and comparisons over REST and on pages."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.service import Service
from backprop_evo.store.sql import SqlStore

SEARCHES = "/api/v1/searches"
DOCUMENT = {"name": "first", "trials": 5, "train": {"model": "mlp-8"}}


@pytest.fixture
def pair(client: TestClient) -> tuple[dict[str, Any], dict[str, Any]]:
    search = client.post(f"{SEARCHES}?with_counterpart=true", json=DOCUMENT).json()
    return search, client.get(f"{SEARCHES}/{search['counterpart']}").json()


def test_a_search_is_submitted_with_its_counterpart(pair: Any) -> None:
    search, beside = pair
    assert (beside["counterpart"], beside["spec"]["strategy"]) == (search["id"], "random")
    assert beside["trials_total"] == search["trials_total"]
    assert "challenge" not in search["verbs"] + beside["verbs"], "it has one; random search has none"


def test_sent_again_with_its_key_it_makes_one_pair(client: TestClient, store: SqlStore) -> None:
    path, headers = f"{SEARCHES}?with_counterpart=true", {"Idempotency-Key": "once"}
    first, again = (client.post(path, json=DOCUMENT, headers=headers) for _ in range(2))
    assert again.json() == first.json()
    assert len(store.searches.page().items) == 2


def test_the_verb_orders_one_and_may_be_repeated(client: TestClient, store: SqlStore) -> None:
    search = client.post(SEARCHES, json=DOCUMENT).json()
    assert (search["counterpart"], "challenge" in search["verbs"]) == (None, True)
    path = f"{SEARCHES}/{search['id']}"
    etag = client.get(path).headers["ETag"]
    first, again = client.post(f"{path}:challenge"), client.post(f"{path}:challenge")
    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["Location"] == f"{SEARCHES}/{first.json()['id']}"
    after = client.get(path, headers={"If-None-Match": etag})
    assert (after.status_code, after.json()["counterpart"]) == (200, first.json()["id"])
    assert client.post(f"{path}:challenge", headers={"If-Match": etag}).status_code == 412
    assert len(store.searches.page().items) == 2


def test_random_search_is_refused_by_its_field(client: TestClient, store: SqlStore) -> None:
    answer = client.post(f"{SEARCHES}?with_counterpart=true", json=DOCUMENT | {"strategy": "random"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "strategy")
    assert store.searches.page().items == ()


def test_a_comparison_says_both_sides(client: TestClient, pair: Any) -> None:
    search, beside = pair
    found = client.get(f"{SEARCHES}/{search['id']}/comparison").json()
    assert [found[side]["search_id"] for side in ("one", "other")] == [search["id"], beside["id"]]
    assert found["other"]["called"] == "random search"
    assert found["sentence"] == "There is nothing to compare yet."
    assert found["difference"] is found["one"]["best"] is None
    turned = client.get(f"{SEARCHES}/{beside['id']}/comparison?with={search['id']}").json()
    assert turned["one"] == found["other"]


def test_a_comparison_with_results(client: TestClient, seed: Any, store: SqlStore) -> None:
    seed.confirm_row(0)
    other = Service(store).submit_search(seed.spec)
    found = client.get(f"{SEARCHES}/{seed.search_id}/comparison?with={other.id}").json()
    one = found["one"]
    assert (one["best"]["method"]["text"], one["best"]["accuracies"]["n"]) == ("g / fro(g)", 3)
    assert one["best"]["low"] < one["best"]["accuracies"]["mean"] < one["best"]["high"]
    assert (one["fitness"], one["fitness_alike"]) == (0.367, None)
    assert one["course"]["points"][0] == {"trainings": 1, "worker_s": 16.2, "fitness": 0.367}
    assert one["course"]["learning_share"] == pytest.approx(
        one["course"]["learning"] / one["course"]["judged"]
    )


def test_what_cannot_be_compared_is_refused(client: TestClient, pair: Any) -> None:
    path = f"{SEARCHES}/{pair[0]['id']}/comparison"
    elsewhere = client.post(SEARCHES, json={"name": "x", "train": {"model": "mlp-16"}}).json()
    refused = client.get(f"{path}?with={elsewhere['id']}")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "with")
    assert "mlp-8" in refused.json()["detail"]
    assert "mlp-16" in refused.json()["detail"]
    assert client.get(f"{path}?with=absent").status_code == 404
    alone = client.get(f"{SEARCHES}/{elsewhere['id']}/comparison")
    assert (alone.status_code, "no counterpart" in alone.json()["detail"]) == (404, True)


def test_both_pages_lead_to_each_other(client: TestClient, pair: Any) -> None:
    search, beside = pair
    for one, other in ((search, beside), (beside, search)):
        text = client.get(f"/searches/{one['id']}").text
        assert 'id="counterpart"' in text
        assert f'href="/searches/{other["id"]}"' in text
        assert "There is nothing to compare yet." in text
        assert f'action="/searches/{one["id"]}/challenge"' not in text


def test_the_button_orders_it_and_goes_there(client: TestClient, seed: Any, store: SqlStore) -> None:
    page = f"/searches/{seed.search_id}"
    assert f'action="{page}/challenge"' in client.get(page).text
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post(f"{page}/challenge", headers=headers, follow_redirects=False)
    beside = store.searches.get(seed.search_id).counterpart
    assert (answer.status_code, answer.headers["location"]) == (303, f"/searches/{beside}")
    text = client.get(page).text
    frame = client.get(f"{page}/charts/frame").json()
    assert frame["counterpart"] == {"id": beside, "called": "random search"}
    assert client.get(f"/searches/{beside}/charts/fitness").json()["last"] == 0
    assert "Not ended" in text
    there = client.get(f"/searches/{beside}/charts/frame").json()["counterpart"]
    assert there == {"id": seed.search_id, "called": "evolution"}, "the line of the other search"


def test_the_form_asks_for_it(client: TestClient, store: SqlStore) -> None:
    form = {"name": "first", "trials": "5", "with_counterpart": "yes"}
    checked = client.post("/searches:form", data=form | {"do": "check"}).text
    assert "with_counterpart=true" in checked
    assert re.search(r'<option value="yes" selected>', checked)
    assert store.searches.page().items == ()
    answer = client.post("/searches", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert {each.spec.strategy for each in store.searches.page().items} == {"evolution", "random"}
    refused = client.post("/searches", data=form | {"strategy": "random"})
    assert refused.status_code == 422
    assert "random search has no counterpart" in refused.text
    assert client.post("/searches", data=form | {"with_counterpart": ""}).status_code == 200
    assert len(store.searches.page().items) == 3
