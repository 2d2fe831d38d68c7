"""A search and its evaluations: the confirmation that it ordered, transfers of what it has confirmed."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

EVALUATIONS = "/api/v1/evaluations"
SMALL = {"name": "small", "train": {"model": "mlp-8"}}


def test_the_page_of_a_search_tells_its_confirmation_and_links_to_it(client: TestClient, seed: Any) -> None:
    text = client.get(f"/searches/{seed.search_id}").text
    assert f'href="/evaluations/{seed.confirmation_id}"' in text
    assert "<code>g / fro(g)</code>: <strong>too few seeds: n = 0</strong>" in text
    assert "confirming: 3 of 6" in text
    assert "against backprop" in text
    back = client.get(f"/evaluations/{seed.confirmation_id}").text
    assert f'href="/searches/{seed.search_id}"' in back
    assert "against backprop" in client.get(f"/leaderboard?search_id={seed.search_id}").text


def test_a_search_that_has_ordered_nothing_shows_no_confirmation(client: TestClient) -> None:
    search = client.post("/api/v1/searches", json={"name": "new"}).json()
    text = client.get(f"/searches/{search['id']}").text
    assert 'id="confirmation"' not in text
    assert 'id="transfer"' not in text
    assert client.get(f"/api/v1/searches/{search['id']}/evaluations").json()["items"] == []
    assert client.get("/api/v1/searches/absent/evaluations").status_code == 404


def transfer(client: TestClient, seed: Any, **options: Any) -> Any:
    return client.post(EVALUATIONS, json={"from_search": seed.search_id, "settings": [SMALL]} | options)


def test_a_transfer_trains_what_was_confirmed_elsewhere(client: TestClient, seed: Any) -> None:
    answer = transfer(client, seed, seeds=4, controls="none")
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert (made["search_id"], made["role"], made["seeds"]) == (seed.search_id, "transfer", 4)
    assert [each["settings"]["text"] for each in made["spec"]["methods"]] == ["g / fro(g)"]
    assert made["spec"]["name"] == "normalised gradients: transfer"
    assert made["spec"]["first_seed"] > 0
    both = client.get(f"/api/v1/searches/{seed.search_id}/evaluations").json()["items"]
    assert {each["role"] for each in both} == {"confirmation", "transfer"}
    assert f'href="/evaluations/{made["id"]}"' in client.get(f"/searches/{seed.search_id}").text


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"best": 0}, "best"),
        ({"best": True}, "best"),
        ({"methods": ["g"]}, "methods"),
        ({"settings": []}, "settings"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_what_is_wrong_with_a_transfer_is_named(
    client: TestClient, seed: Any, options: dict[str, Any], field: str
) -> None:
    refused = transfer(client, seed, **options)
    assert refused.status_code == 422
    assert [each["field"] for each in refused.json()["errors"]] == [field]


def test_a_search_without_a_confirmed_equation_has_nothing_to_transfer(client: TestClient) -> None:
    search = client.post("/api/v1/searches", json={"name": "new"}).json()
    refused = client.post(EVALUATIONS, json={"from_search": search["id"], "settings": ["quick"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "from_search")
    absent = client.post(EVALUATIONS, json={"from_search": "absent", "settings": ["quick"]})
    assert absent.status_code == 404


def test_the_button_of_a_search_starts_a_transfer(client: TestClient, seed: Any) -> None:
    text = client.get(f"/searches/{seed.search_id}").text
    assert f'name="from_search" value="{seed.search_id}"' in text
    typed = {"from_search": seed.search_id, "presets": "quick, B1", "seeds": "2"}
    made = client.post("/evaluations", data=typed, follow_redirects=False)
    assert made.status_code == 303, made.text
    found = client.get(f"/api/v1{made.headers['location']}").json()
    assert [each["name"] for each in found["spec"]["settings"]] == ["quick", "B1"]
    assert (found["role"], found["seeds"]) == ("transfer", 2)
    wrong = client.post("/evaluations", data=typed | {"presets": "C9"})
    assert wrong.status_code == 422
    assert "no preset is called" in wrong.text
    assert f'name="from_search" value="{seed.search_id}"' in wrong.text
    assert 'name="methods"' not in wrong.text


FORM = {
    "methods": "g / fro(g)\nindirect-feedback",
    "presets": "quick",
    "changes": "model = mlp-8\nepochs=0.5",
    "baseline": "g",
    "seeds": "3",
    "test": "yes",
    "controls": "few",
    "in_momentum": "yes",
    "name": "",
}


def test_the_form_starts_an_evaluation(client: TestClient) -> None:
    page = client.get("/evaluations").text
    assert all(f'name="{name}"' in page for name in (*FORM, "idempotency_key"))
    made = client.post("/evaluations", data=FORM, follow_redirects=False)
    assert made.status_code == 303, made.text
    spec = client.get(f"/api/v1{made.headers['location']}").json()["spec"]
    assert [each["name"] for each in spec["settings"]] == [
        "quick, model mlp-8, epochs 0.5",
        "quick, model mlp-8, epochs 0.5, momentum",
    ]
    assert (spec["name"], spec["test"], spec["seeds"]) == ("g / fro(g), indirect-feedback", True, 3)
    assert [each["name"] for each in spec["controls"]] == ["placebo"]
    assert spec["settings"][0]["train"]["epochs"] == 0.5


def test_a_second_press_starts_nothing_more(client: TestClient) -> None:
    keyed = FORM | {"idempotency_key": "one"}
    first, second = (client.post("/evaluations", data=keyed, follow_redirects=False) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert len(client.get(EVALUATIONS).json()["items"]) == 1


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("methods", "g +", "wrong"),
        ("methods", "", "methods must be 1 to 200 methods"),
        ("presets", "C9", "no preset is called"),
        ("changes", "speed = 3", "changes nothing that is known"),
        ("changes", "epochs = few", "train.epochs must be a number"),
        ("seeds", "many", "seeds must be a whole number"),
        ("seeds", "0", "seeds must be 1 to 1000"),
        ("controls", "some", "controls must be none, few, all"),
    ],
)
def test_what_was_typed_wrong_comes_back_beside_its_field(
    client: TestClient, name: str, text: str, says: str
) -> None:
    answer = client.post("/evaluations", data=FORM | {"name": "kept <b>", name: text})
    assert answer.status_code == 422
    assert says in answer.text
    field = answer.text.split(f'name="{name}"')[1].split("</label>")[0]
    assert 'aria-invalid="true"' in field
    assert 'role="alert"' in field
    assert "kept &lt;b&gt;" in answer.text
    assert client.get(EVALUATIONS).json()["items"] == []
