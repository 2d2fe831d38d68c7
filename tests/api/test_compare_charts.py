"""The numbers of the charts that compare: what the tables of the page say, and nothing else."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.test_compare import asked, of, real_fingerprints

__all__ = ["asked", "real_fingerprints"]
CHARTS = "/compare/charts"


def test_lines_and_differences_are_those_of_rest(client: TestClient, asked: list[str]) -> None:
    drawn = client.get(f"{CHARTS}/equations?{of('equation', asked)}").json()
    told = client.get(f"/api/v1/compare?{of('equation', asked)}").json()
    assert [line["name"] for line in drawn["lines"]] == ["A", "B", "C"]
    assert [line["text"] for line in drawn["lines"]] == [each["method"]["text"] for each in told["equations"]]
    last = told["curves"][-1]
    for place, line in enumerate(drawn["lines"]):
        assert line["at"][-1] == last["epoch"]
        assert line["mean"][-1] == pytest.approx(10_000 * last["means"][place], abs=0.51)
        assert len(line["at"]) == len(line["mean"]) == len(line["std"]) == len(line["n"])
    (setting,), (block,) = drawn["settings"], told["settings"]
    known = [pair for pair in block["pairs"] if pair["difference"] is not None]
    assert [pair["name"] for pair in setting["pairs"]] == [
        f"{'ABC'[pair['one']]} − {'ABC'[pair['other']]}" for pair in known
    ]
    for pair, row in zip(setting["pairs"], known, strict=True):
        assert (pair["n"], pair["words"], pair["selecting"]) == (row["n"], row["verdict"], row["selecting"])
        assert pair["mean"] == round(10_000 * row["difference"])


def test_the_page_has_both_figures_above_their_tables(client: TestClient, asked: list[str]) -> None:
    text = client.get(f"/compare?{of('equation', asked)}").text
    for kind in ("differences", "besideCurves"):
        at = text.index(f'data-chart="{kind}"')
        assert text.index("<table", at) > at
    assert f"{CHARTS}/equations?equation={asked[0]}&amp;equation={asked[1]}" in text


def test_searches_are_drawn_by_their_courses(client: TestClient, seed: Any) -> None:
    other = client.post("/api/v1/searches", json={"name": "other", "trials": 3}).json()["id"]
    both = sorted([seed.search_id, other])
    drawn = client.get(f"{CHARTS}/searches?{of('search', both)}").json()
    told = client.get(f"/api/v1/compare?{of('search', both)}").json()
    for line, each in zip(drawn["lines"], told["searches"], strict=True):
        assert line["at"] == [point["trainings"] for point in each["course"]["points"]]
    assert client.get(f"/compare?{of('search', both)}").text.count("data-chart=") >= 1


@pytest.mark.usefixtures("seed")
def test_what_cannot_be_compared_cannot_be_drawn(client: TestClient) -> None:
    assert client.get(f"{CHARTS}/equations?equation=g").status_code == 422
    assert client.get(f"{CHARTS}/equations?{'&'.join(['equation=g'] * 7)}").status_code == 422
    assert client.get(f"{CHARTS}/searches?search=a&search=b").status_code == 404
