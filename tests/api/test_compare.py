"""Equations and searches side by side, over REST and as pages without a script."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.equations import report_on
from backprop_evo.evaluation.statistics import paired_difference

COMPARE = "/api/v1/compare"
TEXTS = ("g", "g / fro(g)", "min(g / fro(g), clip(h, 1.0))")


@pytest.fixture(autouse=True)
def real_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the language, by which an equation that somebody writes is found."""

    def fingerprint(equation: str) -> str:
        return str(report_on(equation).fingerprint)

    monkeypatch.setattr("tests.api.conftest.fingerprint", fingerprint)


@pytest.fixture
def asked(client: TestClient, seed: Any) -> list[str]:
    """The behaviours of ``TEXTS``, plain backprop first, confirmed as the first two are."""
    seed.confirm_row(0)
    rows = client.get(f"/api/v1/searches/{seed.search_id}/leaderboard?limit=100").json()["items"]
    known = {row["equation"]: row["fingerprint"] for row in rows}
    first, *others = (known[text] for text in TEXTS)
    return [first, *sorted(others)]


def page(client: TestClient, address: str, status: int = 200, **options: Any) -> str:
    answer = client.get(address, **options)
    assert answer.status_code == status, answer.text
    assert "<html" in answer.text
    return answer.text


def of(name: str, values: list[str]) -> str:
    return "&".join(f"{name}={each}" for each in values)


def test_rest_tells_trees_pairs_and_curves(client: TestClient, asked: list[str]) -> None:
    found = client.get(f"{COMPARE}?{of('equation', asked)}").json()
    assert [each["fingerprint"] for each in found["equations"]] == asked
    (block,) = found["settings"]
    texts = [each["method"]["text"] for each in found["equations"]]
    at = texts.index("g / fro(g)")
    pair = next(each for each in block["pairs"] if (each["one"], each["other"]) == (0, at))
    # Both rows of the confirmation were told the same accuracies.
    told = paired_difference([0.34, 0.35, 0.36], [0.34, 0.35, 0.36])
    assert told is not None
    assert (pair["difference"], pair["low"], pair["n"]) == (told.mean, told.low, 3)
    assert (pair["compared_by"], pair["selecting"]) == ("test", False)
    lucky = next(each for each in block["pairs"] if 0 in (each["one"], each["other"]) and each is not pair)
    assert (lucky["selecting"], lucky["n"], lucky["low"]) == (True, 1, None)
    assert lucky["difference"] == pytest.approx(0.331 - 0.352)
    marked = {row["place"]: row["differs"] for row in found["places"]}
    assert not marked["first operand"]
    assert marked["operation 1"]
    assert found["curves"][-1]["epoch"] == 4.0
    assert found["curves"][-1]["means"][0] == pytest.approx(0.36)
    assert found["searches"] is None


def test_whoever_asks_in_which_order_gets_one_address(client: TestClient, asked: list[str]) -> None:
    answer = client.get(f"/compare?{of('equation', asked[::-1])}&equation=", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/compare?{of('equation', asked)}"
    again = client.get(answer.headers["location"], follow_redirects=False)
    assert again.status_code == 200
    doubled = client.get(f"/compare?{of('equation', [*asked, asked[0]])}", follow_redirects=False)
    assert doubled.headers["location"] == answer.headers["location"]


def test_the_page_shows_formulas_marks_and_intervals(client: TestClient, asked: list[str]) -> None:
    text = page(client, f"/compare?{of('equation', asked)}")
    assert text.count("<math") >= 3
    assert "plain backprop" in text
    for wanted in (
        "<mark><code>min</code></mark>",
        'class="differs"',
        "how to read a verdict",
        "who was chosen was lucky",
    ):
        assert wanted in text
    for each in asked:
        assert f'href="/equations/{each}"' in text
        assert f'href="/equations/{each}/lineage"' in text
    assert "<script>" not in text


def test_the_ticks_of_a_leaderboard_lead_there(client: TestClient, seed: Any, asked: list[str]) -> None:
    for address in (
        f"/leaderboard?search_id={seed.search_id}",
        "/leaderboard",
        f"/searches/{seed.search_id}",
    ):
        text = page(client, address)
        assert '<form class="tick" method="get" action="/compare">' in text
        ticks = re.findall(r'<input type="checkbox" name="equation" value="([^"]+)"', text)
        assert set(asked[:2]) <= {unescape(each) for each in ticks}


class TestWrong:
    """Said in words, in the form again, with what was asked."""

    @pytest.mark.parametrize(
        ("asked_for", "status", "words"),
        [
            (["g"], 422, "give 2 to 6 different equations to compare; only 1 equation was given"),
            (["g", "g", " g "], 422, "only 1 equation was given"),
            ([f"{number}.0 * g" for number in range(2, 9)], 422, "7 equations were given"),
            (["g", "sgn(h) * dh"], 422, "'sgn(h) * dh' was never trained"),
            (["g", "left(g, h)"], 422, "only 1 equation was given; what computes the same counts once"),
            (["g", "nobody"], 404, "'nobody' is no fingerprint that was trained, no name and no equation"),
            (["g", "W + g"], 404, "no equation"),
            (["g", "<script>alert(1)</script>"], 404, "no equation"),
        ],
    )
    @pytest.mark.usefixtures("seed")
    def test_equations(self, client: TestClient, asked_for: list[str], status: int, words: str) -> None:
        told = client.get(COMPARE, params={"equation": asked_for})
        assert (told.status_code, words in told.json()["detail"]) == (status, True), told.text
        text = page(client, "/compare", status, params={"equation": asked_for})
        assert words in unescape(text)
        assert 'role="alert"' in text
        assert "<script>" not in text

    def test_nothing_asked_for_is_a_form(self, client: TestClient) -> None:
        text = page(client, "/compare")
        assert text.count('name="equation"') == 2
        assert "alert" not in text
        assert client.get(COMPARE).status_code == 422

    def test_both_kinds_at_once(self, client: TestClient, seed: Any) -> None:
        both = f"equation=g&equation=h&search={seed.search_id}"
        assert "with their like" in page(client, f"/compare?{both}", 422)
        assert "one of the two" in client.get(f"{COMPARE}?{both}").json()["detail"]

    def test_searches(self, client: TestClient, seed: Any) -> None:
        assert "only 1 search was given" in page(client, f"/compare?search={seed.search_id}", 422)
        unknown = f"search={seed.search_id}&search=nobody"
        assert "nobody" in page(client, f"/compare?{unknown}", 404)
        assert client.get(f"{COMPARE}?{unknown}").status_code == 404


class TestSearches:
    @pytest.fixture
    def ids(self, seed: Any) -> list[str]:
        """The search, one of its setting, and one of another."""
        more = []
        for name, epochs in (("same setting", 4.0), ("longer", 9.0)):
            train = type(seed.spec.train)(epochs=epochs, learning_rate=0.1)
            spec = type(seed.spec)(name=name, trials=5, seed=3, train=train)
            more.append(seed.store.searches.add(spec, now=seed.tick()).id)
        return [seed.search_id, *more]

    def test_what_differs_is_marked_and_only_one_setting_compares(
        self, client: TestClient, ids: list[str]
    ) -> None:
        found = client.get(f"{COMPARE}?{of('search', ids)}").json()
        assert [each["search"]["id"] for each in found["searches"]] == sorted(ids)
        (pair,) = found["pairs"]
        assert {pair["one"]["search_id"], pair["other"]["search_id"]} == set(ids[:2])
        fields = {each["name"]: each for each in found["fields"]}
        assert fields["train.epochs"]["differs"]
        assert sorted(fields["train.epochs"]["values"]) == ["4.0", "4.0", "9.0"]
        assert fields["seed"]["differs"]
        assert not fields["train.model"]["differs"]

    def test_the_page_has_one_address_and_says_what_does_not_compare(
        self, client: TestClient, ids: list[str]
    ) -> None:
        text = page(client, f"/compare?{of('search', ids[::-1])}")
        assert "2 pairs are of different settings" in text
        assert "<mark>9.0</mark>" in text
        assert f"/compare?{of('search', sorted(ids)).replace('&', '&amp;')}" in text
        assert "Best fitness by trainings" in text

    def test_the_list_of_searches_has_ticks(self, client: TestClient, ids: list[str]) -> None:
        text = page(client, "/")
        assert set(re.findall(r'<input type="checkbox" name="search" value="([^"]+)"', text)) == set(ids)
