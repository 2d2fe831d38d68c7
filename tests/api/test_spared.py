"""Trials that a lot let go on where a judgement would have ended them say so, over REST and on the pages."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from backprop_evo.store.tables import INTERMEDIATE_VALUES

WHY = "spared by lot at rung 0 (step 10): training loss 2.1 is above the median 1.4"


@pytest.fixture
def spared(seed: Any) -> Any:
    """A trial of the search with such a value."""
    trial = next(each for each in seed.store.trials.page(seed.search_id).items if each.state.is_terminal)
    value = {
        "trial_id": trial.id,
        "step": 10,
        "search_id": seed.search_id,
        "report_order": 1,
        "rung": 0,
        "validation_accuracy": 0.2,
        "train_loss": 2.1,
        "pruned": None,
        "spared": WHY,
        "at": seed.tick(),
    }
    with seed.store.database.write() as connection:
        connection.execute(insert(INTERMEDIATE_VALUES).values(**value))
    return trial


def test_rest_says_so(client: TestClient, seed: Any, spared: Any) -> None:
    assert client.get(f"/api/v1/trials/{spared.id}").json()["spared"] == WHY
    listed = client.get(f"/api/v1/searches/{seed.search_id}/trials?limit=500").json()["items"]
    assert {each["id"]: each["spared"] for each in listed if each["spared"]} == {spared.id: WHY}
    history = client.get(f"/api/v1/equations/{spared.fingerprint}").json()["items"]
    assert WHY in [each["spared"] for each in history]


def test_pages_say_so(client: TestClient, seed: Any, spared: Any) -> None:
    for address in (
        f"/trials/{spared.id}",
        f"/equations/{spared.fingerprint}",
        f"/searches/{seed.search_id}/trials?limit=500",
    ):
        text = client.get(address).text
        assert WHY[20:] in text, address
    assert 'id="spared"' in client.get("/learn").text
