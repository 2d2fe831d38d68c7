"""The funnel of a search on the wire and on its page."""

from typing import Any

from fastapi.testclient import TestClient

FUNNEL = {
    "name": "funnel",
    "finalists": {"best": 8, "seeds": 2},
    "transfer": {"best": 1, "settings": ["other-model"]},
}


def test_the_stages_of_a_search_are_told_before_they_are_ordered(client: TestClient) -> None:
    search = client.post("/api/v1/searches", json=FUNNEL).json()
    stages = client.get(f"/api/v1/searches/{search['id']}/stages").json()["items"]
    assert [each["role"] for each in stages] == ["finalists", "confirmation", "transfer"]
    assert [each["seeds"] for each in stages] == [2, 3, 5]
    unordered = ("evaluation", "url", "state", "trials_total", "equations", "through", "verdict")
    assert {each[name] for each in stages for name in unordered} == {None}
    assert client.get("/api/v1/searches/absent/stages").status_code == 404
    text = client.get(f"/searches/{search['id']}").text
    assert text.count("to come") == 3


def test_a_stage_is_told_with_its_numbers_and_its_resource(client: TestClient, seed: Any) -> None:
    (stage,) = client.get(f"/api/v1/searches/{seed.search_id}/stages").json()["items"]
    assert (stage["role"], stage["state"], stage["evaluation"]) == (
        "confirmation",
        "running",
        seed.confirmation_id,
    )
    assert (stage["trials_done"], stage["trials_total"], stage["seeds"]) == (3, 6, 3)
    assert (stage["equations"], stage["through"]) == (1, 1)
    assert "too few seeds" in stage["verdict"]
    assert client.get(stage["url"]).json()["id"] == seed.confirmation_id


def test_the_page_shows_the_funnel_as_one_row_of_links(client: TestClient, seed: Any) -> None:
    text = client.get(f"/searches/{seed.search_id}").text
    funnel = text.split('<ol class="funnel">')[1].split("</ol>")[0]
    found = client.get(f"/api/v1/searches/{seed.search_id}").json()
    words = [part.split("<")[0] for part in funnel.split('class="label">')[1:]]
    assert words == ["proposed", "trained", "completed", "confirmed"]
    numbers = [part.split("<")[0] for part in funnel.split('class="value">')[1:]]
    individuals = client.get(f"/api/v1/searches/{seed.search_id}/individuals?limit=200").json()["items"]
    done = [
        each
        for each in client.get(f"/api/v1/searches/{seed.search_id}/trials?limit=200").json()["items"]
        if each["purpose"] == "search" and each["state"] == "completed"
    ]
    assert numbers == [str(n) for n in (len(individuals) - 1, found["trials_done"], len(done), 1)]
    assert f'href="/evaluations/{seed.confirmation_id}"' in funnel
    assert 'aria-current="step"' in funnel
    assert "3 of 6 trainings" in funnel


def test_a_transfer_is_shown_with_its_verdict(client: TestClient, seed: Any) -> None:
    small = {"name": "small", "train": {"model": "mlp-8"}}
    asked = {"from_search": seed.search_id, "settings": [small]}
    made = client.post("/api/v1/evaluations", json=asked).json()
    headline = client.get(f"/api/v1/evaluations/{made['id']}/table").json()
    elsewhere = client.get(f"/searches/{seed.search_id}").text.split('id="transfer"')[1]
    assert headline["blocks"]
    assert "too few seeds: n = 0" in elsewhere.split("</section>")[0]
