"""The numbers of the map of a search's proposals, and where it stands on the page."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.charting import ProposalPoint
from backprop_evo.service.chart_columns import ORIGINS, OTHER, hundredths, proposal_columns


def test_every_proposal_is_a_place_of_the_columns(client: TestClient, seed: Any) -> None:
    found = client.get(f"/searches/{seed.search_id}/charts/proposals").json()
    stored = seed.store.individuals.of(seed.search_id)
    fitnesses = seed.store.individuals.fitnesses(seed.search_id, [each.number for each in stored])
    assert (found["after"], found["last"], found["more"]) == (-1, stored[-1].number, False)
    for place, each in enumerate(stored):
        assert each.number == place
        known = fitnesses.get(place)
        assert found["fitness"][place] == (hundredths(known.mean) if known else None)
        assert found["origin"][place] == ORIGINS.get(each.origin, OTHER)
    assert found["twins"] == [[each.number, each.twin] for each in stored if each.twin is not None]
    later = client.get(f"/searches/{seed.search_id}/charts/proposals?after=1").json()
    assert later["fitness"] == found["fitness"][2:]
    assert client.get(f"/searches/{seed.search_id}/charts/proposals?after=-2").status_code == 422


def test_a_full_page_has_more_behind_it() -> None:
    points = [ProposalPoint(4, "random", None, 0.5), ProposalPoint(5, "mutation", 4, None)]
    assert proposal_columns(points, 3, 2) == {
        "after": 3,
        "last": 5,
        "more": True,
        "fitness": [5000, None],
        "origin": "rm",
        "twins": [[1, 4]],
    }


def test_one_proposal_is_told(client: TestClient, seed: Any) -> None:
    one = seed.store.individuals.of(seed.search_id)[1]
    address = f"/searches/{seed.search_id}/charts/proposals"
    told = client.get(f"{address}/1").json()
    assert (told["equation"], told["change"]) == (one.method.equation, one.mutation)
    assert client.get(f"{address}/99999").status_code == 404


@pytest.mark.parametrize("asked", ["", "?individual=1"])
def test_the_page_joins_those_that_it_draws(client: TestClient, seed: Any, asked: str) -> None:
    text = client.get(f"/searches/{seed.search_id}/lineage{asked}").text
    assert f'data-source="/searches/{seed.search_id}/charts/proposals#' in text
    assert text.index('data-chart="lineage"') < text.index('id="ancestry"') < text.index('id="proposals"')
    if asked:
        assert f"/searches/{seed.search_id}/charts/proposals#1" in text
