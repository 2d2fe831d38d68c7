"""A star and a note on an equation: over REST, on its page, and as a choice of the leaderboard's rows."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.steering import EquationMarks
from backprop_evo.store.sql import SqlStore


@pytest.fixture
def fingerprint(store: SqlStore, seed: Any) -> str:
    """Of the first row of the leaderboard."""
    return store.leaderboard.page(seed.search_id).items[0].fingerprint


def test_star_and_note_are_kept(client: TestClient, store: SqlStore, fingerprint: str) -> None:
    path = f"/api/v1/equations/{fingerprint}"
    answer = client.patch(path, json={"starred": True})
    assert answer.json() == {"fingerprint": fingerprint, "starred": True, "note": ""}
    answer = client.patch(path, json={"note": "for section 4"})
    assert answer.json() == {"fingerprint": fingerprint, "starred": True, "note": "for section 4"}
    history = client.get(path).json()
    assert (history["starred"], history["note"]) == (True, "for section 4")
    assert store.equations.marks(fingerprint) == EquationMarks(starred=True, note="for section 4")


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"starred": "yes"}, 422), ({"colour": "red"}, 422), ({"note": "x" * 10_001}, 422)],
)
def test_what_is_no_change_is_refused(
    client: TestClient, store: SqlStore, fingerprint: str, body: dict[str, Any], status: int
) -> None:
    assert client.patch(f"/api/v1/equations/{fingerprint}", json=body).status_code == status
    assert store.equations.marks(fingerprint) == EquationMarks()


def test_what_was_never_trained_is_not_found(client: TestClient) -> None:
    answer = client.patch("/api/v1/equations/nothing", json={"starred": True})
    assert answer.status_code == 404
    assert "leaderboard" in answer.json()["hint"]
    assert client.get("/api/v1/equations/nothing").json()["starred"] is False


def test_rows_are_chosen_by_the_star(client: TestClient, seed: Any, fingerprint: str) -> None:
    client.patch(f"/api/v1/equations/{fingerprint}", json={"starred": True})
    for board in ("/api/v1/leaderboard", f"/api/v1/searches/{seed.search_id}/leaderboard"):
        starred = client.get(f"{board}?starred=true").json()["items"]
        assert {row["fingerprint"] for row in starred} == {fingerprint}
        assert all(row["starred"] for row in starred)
        others = client.get(f"{board}?starred=false").json()["items"]
        assert fingerprint not in {row["fingerprint"] for row in others}
        assert not any(row["starred"] for row in others)


def test_the_page_of_an_equation_stars_and_notes(
    client: TestClient, store: SqlStore, fingerprint: str
) -> None:
    path = f"/equations/{fingerprint}"
    assert "☆" in client.get(path).text
    answer = client.post(f"{path}/change", data={"starred": "true"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{path}#marks"
    client.post(f"{path}/change", data={"note": " <b>again</b> at 20 epochs "})
    text = client.get(path).text
    assert "★" in text
    assert "&lt;b&gt;again&lt;/b&gt; at 20 epochs</textarea>" in text
    client.post(f"{path}/change", data={"starred": "false"})
    assert store.equations.marks(fingerprint) == EquationMarks(note="<b>again</b> at 20 epochs")
    assert client.post("/equations/nothing/change", data={"starred": "true"}).status_code == 404


def test_the_page_of_a_leaderboard_chooses_by_the_star(
    client: TestClient, seed: Any, fingerprint: str
) -> None:
    for board in ("/leaderboard?", f"/leaderboard?search_id={seed.search_id}&"):
        assert "No row is like that." in client.get(f"{board}starred=true").text
    client.patch(f"/api/v1/equations/{fingerprint}", json={"starred": True})
    text = client.get(f"/leaderboard?search_id={seed.search_id}&starred=true").text
    assert text.count('name="equation"') == 1
    assert f'value="{fingerprint}"' in text
    assert 'aria-current="true">starred</a>' in text


def test_an_equation_is_there_to_be_copied(client: TestClient, store: SqlStore, seed: Any) -> None:
    rows = store.leaderboard.page(seed.search_id).items
    row = next(each for each in rows if each.method.equation)
    text = client.get(f"/equations/{row.fingerprint}").text
    for title in ("Text", "LaTeX", "PyTorch", "Notebook cell"):
        assert f'data-copy="{title}"' in text
    assert "apply_equation(model, dsl.parse(" in text
