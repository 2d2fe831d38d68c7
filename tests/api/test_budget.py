"""A search by time over REST and pages: planned before it is submitted, and its time left while it runs."""

from fastapi.testclient import TestClient

from backprop_evo.records.searching import OPEN_TRIALS, SearchSpec
from tests.api.conftest import CONTROLLER, Seed

DOCUMENT = {"name": "evening", "budget": "2h"}


def test_the_check_answers_with_the_plan_and_queues_nothing(client: TestClient) -> None:
    before = client.get("/api/v1/searches").json()["items"]
    answer = client.post("/api/v1/searches:check", json=DOCUMENT)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["spec"]["budget"], told["spec"]["trials"]) == (7200, OPEN_TRIALS)
    assert [each["stage"] for each in told["plan"]["stages"]] == ["search", "confirmation"]
    assert abs(told["plan"]["stages"][-1]["ends_after_minutes"] - 120) < 12
    assert any("a guess" in each for each in told["warnings"])
    assert client.get("/api/v1/searches").json()["items"] == before


def test_without_a_budget_there_is_no_plan(client: TestClient) -> None:
    assert client.post("/api/v1/searches:check", json={"name": "x"}).json()["plan"] is None


def test_what_cannot_be_is_refused_at_its_field(client: TestClient) -> None:
    for route in ("/api/v1/searches:check", "/api/v1/searches"):
        answer = client.post(route, json={**DOCUMENT, "budget": "2s"})
        assert answer.status_code == 422
        assert "too short for one rung" in answer.text
        assert "at least" in answer.text


def test_a_submitted_one_is_answered_with_what_to_know(client: TestClient) -> None:
    told = client.post("/api/v1/searches", json=DOCUMENT).json()
    assert told["time_left_s"] == 7200
    assert any("a guess" in each for each in told["warnings"])


def test_the_form_shows_the_plan_as_a_table(client: TestClient) -> None:
    page = client.post(
        "/searches:form", data={"name": "x", "budget": "1h30m", "trials": "", "do": "check"}
    ).text
    assert "Plan for 1 h 30 min" in page
    assert "Everything fits. Nothing was started." in page
    assert "<td>confirmation</td>" in page


def test_the_page_tells_the_time_left(client: TestClient, seed: Seed) -> None:
    search = seed.store.searches.add(
        SearchSpec(name="timed", budget=3600.0, trials=OPEN_TRIALS), now=seed.now
    )
    assert seed.store.searches.claim(CONTROLLER, lease_s=3600, now=seed.now) is not None
    for seconds in (0, 30, 30):
        seed.store.searches.meter(search.id, CONTROLLER, slots=2, now=seed.tick(seconds), most_s=60)
    assert client.get(f"/api/v1/searches/{search.id}").json()["time_left_s"] == 3540
    page = client.get(f"/searches/{search.id}").text
    assert "about 59 min 0 s left" in page
    assert str(OPEN_TRIALS) not in page.split("All fields")[0].split("<pre")[0]
