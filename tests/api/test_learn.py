"""The page that explains: every operand, the drawing in words, and the links that lead to it."""

import re
from typing import Any

from fastapi.testclient import TestClient

from api.pages.learn import MEANINGS
from dsl.primitives import OPERANDS


def test_every_operand_is_explained_and_no_other() -> None:
    assert set(MEANINGS) == set(OPERANDS)


def test_the_page_shows_every_operand_and_the_drawing_has_words(client: TestClient) -> None:
    text = client.get("/learn").text
    for row in OPERANDS.values():
        assert f'<code class="nowrap">{row.text}</code>' in text
    labelled = re.search(r'<svg class="site-drawing"[^>]*aria-labelledby="([^"]+)"', text)
    assert labelled is not None
    for each in labelled[1].split():
        assert re.search(rf'<(title|desc) id="{each}">[^<]+', text)
    anchors = re.findall(r'<a href="#([a-z]+)">', text)
    assert len(anchors) == 6
    for each in anchors:
        assert f'id="{each}"' in text


def test_reference_and_verdicts_lead_there(client: TestClient, seed: Any) -> None:
    seed.confirm_row(0)
    assert 'href="/learn"' in client.get("/reference").text
    for address in (
        f"/searches/{seed.search_id}",
        f"/leaderboard?search_id={seed.search_id}",
        f"/evaluations/{seed.confirmation_id}",
    ):
        assert 'href="/learn#verdict"' in client.get(address).text
