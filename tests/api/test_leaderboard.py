"""The leaderboard over all searches, each setting for itself, over REST and on its page."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.evaluating import setting_id, setting_words
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Origin, TrialRecord
from backprop_evo.records.training import TrainResult, TrainSpec
from backprop_evo.store.sql import SqlStore

BOARD = "/api/v1/leaderboard"
OTHER = TrainSpec(model="mlp-8", epochs=1.0, learning_rate=0.5)


@pytest.fixture
def other(store: SqlStore, seed: Any) -> str:
    """The id of a second search, of another setting: three results far above those of the first."""
    now = seed.tick()
    search = store.searches.add(SearchSpec(name="another setting", train=OTHER), now=now)
    assert store.searches.claim("c", lease_s=600, now=now) is not None
    for number, accuracy in enumerate((0.91, 0.93, 0.92)):
        method = equation_method("g" if number == 0 else f"{number}.0 * g")
        said = {"search_id": search.id, "method": method, "fingerprint": f"f{number}", "created_at": now}
        individual = IndividualRecord(
            number=number,
            origin=Origin.RANDOM,
            canonical=None,
            parent=None,
            twin=None,
            mutation=None,
            finishes_known=0,
            **said,
        )
        trial = TrialRecord(
            id=f"{search.id}.{number}",
            individual=number,
            purpose=Purpose.SEARCH if number else Purpose.BASELINE,
            spec=OTHER,
            seed=1,
            state=TrialState.QUEUED,
            fence=0,
            queued_at=now,
            **said,
        )
        store.individuals.record(search.id, "c", [individual], [trial], now=now)
        lease = store.trials.claim(trial.id, "node-a/0", lease_s=600, now=now)
        assert lease is not None
        assert store.trials.start(lease, now=now)
        result = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=accuracy)
        assert store.trials.finish(lease, result, now=now)
    return search.id


def test_settings_are_listed_with_best_and_backprop(client: TestClient, seed: Any, other: str) -> None:
    seed.confirm_row(0)
    settings = client.get(f"{BOARD}/settings").json()
    first, second = settings["items"]
    assert settings["next_cursor"] is None
    train = seed.spec.train
    assert (first["id"], first["description"]) == (setting_id(train), setting_words(train))
    assert first["train"]["epochs"] == 4.0
    rows = client.get(f"/api/v1/searches/{seed.search_id}/leaderboard").json()["items"]
    assert (first["results"], first["best"]) == (len(rows), rows[0])
    assert first["baseline"] == {"mean": pytest.approx(0.36), "std": pytest.approx(0.01), "n": 3}
    assert (second["id"], second["results"], second["baseline"]) == (setting_id(OTHER), 3, None)
    assert (second["best"]["rank"], second["best"]["search_id"]) == (1, other)
    assert client.get(f"{BOARD}/settings/{second['id']}").json() == second


def test_settings_go_on_from_page_to_page(client: TestClient, other: str) -> None:
    everything = client.get(f"{BOARD}/settings").json()["items"]
    first = client.get(f"{BOARD}/settings", params={"limit": 1}).json()
    second = client.get(f"{BOARD}/settings", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert first["items"] + second["items"] == everything
    assert second["next_cursor"] is None
    assert second["items"][0]["best"]["search_id"] == other


def test_rows_are_ranked_within_their_setting_only(client: TestClient, seed: Any, other: str) -> None:
    of = {
        setting_id(train): client.get(BOARD, params={"setting": setting_id(train)}).json()["items"]
        for train in (seed.spec.train, OTHER)
    }
    assert of[setting_id(OTHER)] == client.get(f"/api/v1/searches/{other}/leaderboard").json()["items"]
    for found, rows in of.items():
        assert {row["setting_id"] for row in rows} == {found}
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    everything = client.get(BOARD).json()["items"]
    assert everything == [row for found in sorted(of) for row in of[found]]


def test_a_search_says_its_setting(client: TestClient, seed: Any) -> None:
    said = client.get(f"/api/v1/searches/{seed.search_id}").json()["setting"]
    assert said == {"id": setting_id(seed.spec.train), "description": setting_words(seed.spec.train)}


@pytest.mark.parametrize("path", ["/settings/nothing", "?setting=nothing", "?setting="])
def test_a_setting_without_results_is_a_problem_with_a_hint(client: TestClient, seed: Any, path: str) -> None:
    assert seed.search_id
    answer = client.get(BOARD + path)
    assert answer.status_code == 404
    assert "no search has results in a setting" in answer.json()["detail"]
    assert "settings of the leaderboard" in answer.json()["hint"]


def test_the_page_lists_settings_and_ranks_each_for_itself(client: TestClient, seed: Any, other: str) -> None:
    text = unescape(client.get("/leaderboard").text)
    for train in (seed.spec.train, OTHER):
        assert text.count(f'href="/leaderboard?setting={setting_id(train)}"') == 2
        assert setting_words(train) in text
    sections = text.split('<section aria-labelledby="setting-')[1:]
    assert [re.findall(r'<td class="num rank" data-label="rank">(\d+)</td>', part) for part in sections] == [
        ["1", "2", "3", "4", "5"],
        ["1", "2", "3"],
    ]
    assert (f"/searches/{other}" in sections[0], f"/searches/{other}" in sections[1]) == (False, True)


def test_the_page_of_a_setting_shows_it_on_top_and_only_its_rows(
    client: TestClient, seed: Any, other: str
) -> None:
    text = client.get("/leaderboard", params={"setting": setting_id(OTHER), "limit": 2}).text
    assert setting_words(OTHER) in text
    assert "3 results · plain backprop not confirmed yet" in text
    assert f"/searches/{other}" in text
    assert f"/searches/{seed.search_id}" not in text
    following = re.search(r'href="(\?setting=[^"]*cursor=[^"]+)"', text)
    assert following is not None
    rest = client.get("/leaderboard" + unescape(following[1])).text
    assert re.findall(r'<td class="num rank" data-label="rank">(\d+)</td>', rest) == ["3"]
    assert client.get("/leaderboard?setting=nothing").status_code == 404


@pytest.mark.parametrize("path", ["/leaderboard?search_id={}", "/searches/{}"])
def test_the_ranking_of_a_search_says_its_one_setting(client: TestClient, seed: Any, path: str) -> None:
    text = client.get(path.format(seed.search_id)).text
    train = seed.spec.train
    assert f'Setting <a href="/leaderboard?setting={setting_id(train)}">' in text
    assert setting_words(train) in text


def test_an_empty_leaderboard_says_so(client: TestClient) -> None:
    assert "Nothing has finished yet." in client.get("/leaderboard").text
    assert client.get(f"{BOARD}/settings").json() == {"items": [], "next_cursor": None}
