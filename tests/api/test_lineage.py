"""The lineage: one ancestry as a drawing and a table, all proposals, ways there and back; over REST too."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.lineage_drawing import SHADES, draw_ancestry, short_change
from backprop_evo.records.stored import Origin
from backprop_evo.service.ancestry import ancestry_of


@pytest.fixture
def told(seed: Any) -> Any:
    """Beyond the seed's individuals: 20 from 4, 21 crossed, 22 a twin of 1, 23 measures 1 again."""
    swap = "right function of operation 1: clip 1 to identity"
    family = [
        (20, "g - bn(g)", 4, {"mutation": swap}),
        (21, "bn(g) - h", 20, {"mutation": f"crossed with g - mean(g): {swap}"}),
        (22, "g / fro(g)", 21, {"twin": 1, "mutation": swap}),
        (23, "g / fro(g)", None, {"remeasures": 1, "origin": Origin.REMEASUREMENT}),
    ]
    for number, text, parent, rest in family:
        individual = seed.individual(number, text, Origin.MUTATION, parent)
        seed.propose([replace(individual, **rest)], [])
    return seed


def lineage(client: TestClient, seed: Any, query: str = "", status: int = 200) -> str:
    answer = client.get(f"/searches/{seed.search_id}/lineage{query}")
    assert answer.status_code == status, answer.text
    return answer.text


def test_the_drawing_has_every_ancestor_with_fitness_change_and_links(client: TestClient, told: Any) -> None:
    text = lineage(client, told, "?individual=22")
    drawing = text.split('<svg class="lineage"')[1].split("</svg>")[0]
    dots = [int(number) for number in re.findall(r'aria-label="Ancestry of (\d+)"', drawing)]
    assert dots == [22, 21, 20, 4, 1]
    assert 'class="lineage-link twin"' in drawing
    assert drawing.count('class="lineage-link parent"') == 4
    assert "clip 1 → identity" in drawing
    assert ">36.7<" in drawing, "a twin has the fitness of the first of its behaviour"
    for number in dots:
        assert f'href="?individual={number}#ancestry"' in drawing
    fingerprint = told.individual(1, "g / fro(g)", Origin.START, None).fingerprint
    assert f'href="/equations/{fingerprint}"' in drawing


def test_the_table_says_the_same(client: TestClient, told: Any) -> None:
    table = lineage(client, told, "?individual=22").split('id="ancestry-table"')[1].split("</table>")[0]
    assert re.findall(r'<tr id="a(\d+)">', table) == ["22", "21", "20", "4", "1"]
    assert '<span class="origin">twin of <a href="?individual=1#ancestry">1</a></span>' in table
    assert '<mark class="changed">right function of operation 1: clip 1 to identity</mark>' in table


def test_without_a_number_it_is_that_of_the_best(client: TestClient, told: Any) -> None:
    assert '<h2 id="ancestry">Ancestry of 1 ' in lineage(client, told)


def test_all_proposals_in_both_orders_with_fitness(client: TestClient, told: Any) -> None:
    proposed = lineage(client, told).split('id="proposals"')[1]
    assert re.findall(r'<tr id="i(\d+)">', proposed)[:4] == ["0", "1", "2", "3"]
    assert ">35.2<" in proposed
    best = lineage(client, told, "?order=rank").split('id="proposals"')[1]
    ranked = re.findall(r'<tr id="i(\d+)">', best)
    # Confirmed first, then by fitness; what diverged has none.
    assert ranked == ["1", "4", "6", "0", "2", "5"]


def test_pages_keep_order_and_choice(client: TestClient, told: Any) -> None:
    for order, first in (("number", ["0", "1"]), ("rank", ["1", "4"])):
        text = lineage(client, told, f"?order={order}&individual=22&limit=2")
        assert re.findall(r'<tr id="i(\d+)">', text) == first
        (more,) = re.findall(r'href="(\?order=[^"]*cursor=[^"]+)" rel="next"', text)
        assert "individual=22" in more
        following = lineage(client, told, more.replace("&amp;", "&").split("#")[0])
        assert not set(first) & set(re.findall(r'<tr id="i(\d+)">', following))


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?individual=99", 404, "no individual 99"),
        ("?individual=abc", 422, "an individual is a number"),
        ("?individual=-1", 422, "an individual is a number"),
        ("?individual=٣", 422, "an individual is a number"),
        ("?order=sideways", 422, "no order is called"),
        ("?cursor=odd", 422, "cursor"),
    ],
)
def test_wrong_questions_are_answered_in_words(
    client: TestClient, told: Any, query: str, status: int, words: str
) -> None:
    assert words in lineage(client, told, query, status)


def test_a_number_may_be_written_as_people_do(client: TestClient, told: Any) -> None:
    assert "Ancestry of 20 " in lineage(client, told, "?individual=%20%2320")


def test_an_equation_leads_to_its_lineage_and_back(client: TestClient, told: Any) -> None:
    fingerprint = told.individual(4, "min(g / fro(g), clip(h, 1.0))", Origin.MUTATION, 1).fingerprint
    assert f'href="/equations/{fingerprint}/lineage"' in client.get(f"/equations/{fingerprint}").text
    answer = client.get(f"/equations/{fingerprint}/lineage", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/searches/{told.search_id}/lineage?individual=4"
    assert client.get("/equations/unknown/lineage").status_code == 404


def test_rest_tells_the_same(client: TestClient, told: Any) -> None:
    found = client.get(f"/api/v1/searches/{told.search_id}/individuals/22/ancestry").json()
    assert [each["individual"]["number"] for each in found["individuals"]] == [22, 21, 20, 4, 1]
    assert found["individuals"][0]["fitness"]["mean"] == pytest.approx(0.367)
    assert {(each["child"], each["descent"], each["ancestor"]) for each in found["links"]} >= {
        (22, "twin", 1),
        (22, "parent", 21),
    }
    assert not found["is_cut"]
    assert client.get(f"/api/v1/searches/{told.search_id}/individuals/99/ancestry").status_code == 404
    assert client.get(f"/api/v1/searches/{told.search_id}/individuals/-1/ancestry").status_code == 422


class TestDrawing:
    def test_links_run_down_and_end_at_their_dots(self, told: Any) -> None:
        ancestry = ancestry_of(told.store, told.search_id, 22)
        drawn = draw_ancestry(ancestry)
        dots = {each.number: (each.x, each.y) for each in drawn.individuals}
        assert len(set(dots.values())) == len(dots)
        for link, path in zip(ancestry.links, drawn.links, strict=True):
            numbers = [int(number) for number in re.findall(r"\d+", path.path)]
            assert tuple(numbers[:2]) == dots[link.child]
            assert tuple(numbers[-2:]) == dots[link.ancestor]
            assert dots[link.child][1] < dots[link.ancestor][1]
        assert all(x < drawn.words_x < drawn.width and y < drawn.height for x, y in dots.values())

    def test_no_link_runs_through_the_dot_of_another(self, told: Any) -> None:
        ancestry = ancestry_of(told.store, told.search_id, 22)
        drawn = draw_ancestry(ancestry)
        dots = {each.number: (each.x, each.y) for each in drawn.individuals}
        for link, path in zip(ancestry.links, drawn.links, strict=True):
            upright = re.search(r" (\d+),(\d+)V(\d+)", path.path)
            if upright is not None:
                lane, top, bottom = map(int, upright.groups())
                between = [n for n, (x, y) in dots.items() if x == lane and top <= y <= bottom]
                assert not set(between) - {link.child, link.ancestor}

    def test_shades_go_from_the_worst_to_the_best(self, told: Any) -> None:
        drawn = draw_ancestry(ancestry_of(told.store, told.search_id, 22)).individuals
        known = {each.fitness: each.shade for each in drawn if each.fitness is not None}
        assert known[max(known)] == SHADES
        assert known[min(known)] == 1
        assert {each.shade for each in drawn if each.fitness is None} <= {0}

    @pytest.mark.parametrize(
        ("change", "short"),
        [
            ("operation 1: add to multiply", "add → multiply"),
            ("first operand: g to h; operation 2: min to max", "g → h; min → max"),
            ("from 1 to 2 operations", "from 1 to 2 operations"),
            ("nothing", "nothing"),
        ],
    )
    def test_a_change_in_short(self, change: str, short: str) -> None:
        assert short_change(change) == short


class Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = dict(attributes)
        self.ids += [str(names["id"])] if "id" in names else []
        target = names.get("href") or ""
        self.anchors += [target.split("#")[1]] if target.startswith(("#", "?")) and "#" in target else []


def test_no_link_within_the_page_leads_nowhere(client: TestClient, told: Any) -> None:
    found = Ids()
    found.feed(lineage(client, told, "?individual=22"))
    assert set(found.anchors) <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
