"""What the script of an open page asks for: parts of the page, told once, and no more than is new."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import rendering
from api.pages import evaluations, searches, submission
from api.parts import PREFIX, KeptParts
from backprop_evo.records.states import EVENT_KINDS

NOON = datetime(2031, 1, 1, 12, tzinfo=UTC)
LIVE = ("/", "/leaderboard", "/leaderboard?search_id={id}", "/evaluations", "/nodes", "/searches/{id}")
OF_A_TRIAL = "/trials/{id}-1-search-0"


class Noon(datetime):
    """A clock that stands still, so that two renderings tell the same ages."""

    @classmethod
    def now(cls, _tz: Any = None) -> datetime:
        return NOON


def draw_keys(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """The hidden keys of forms; not the ids that the store draws."""
    for module in (searches, evaluations, submission):
        monkeypatch.setattr(module, "secrets", SimpleNamespace(token_hex=lambda _size: key))


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "datetime", Noon)
    monkeypatch.setattr(searches, "utc_now", lambda: NOON)
    draw_keys(monkeypatch, "0" * 32)


def parts(client: TestClient, path: str, names: str, **headers: str) -> Any:
    return client.get(f"{path}{'&' if '?' in path else '?'}parts={names}", headers=headers)


@pytest.mark.parametrize("path", [*LIVE, OF_A_TRIAL])
def test_each_part_is_that_of_the_whole_page(path: str, client: TestClient, seed: Any) -> None:
    """One template, one rendering: byte for byte."""
    path = path.format(id=seed.search_id)
    whole = client.get(path).text
    names = re.findall(r'data-part="([^"]+)"', whole)
    assert names
    assert len(names) == len(set(names))
    told = parts(client, path, ",".join(names)).json()["parts"]
    assert set(told) == set(names)
    for name, part in told.items():
        assert part["html"] in whole, name
        assert part["html"].count(f'data-part="{name}"') == 1


@pytest.mark.parametrize("path", [*LIVE, OF_A_TRIAL])
def test_parts_name_events_that_there_are(path: str, client: TestClient, seed: Any) -> None:
    """A misspelt kind would leave a part as it was for ever."""
    whole = client.get(path.format(id=seed.search_id)).text
    heard = re.findall(r'data-on="([^"]*)"', whole)
    assert heard
    for word in " ".join(heard).split():
        assert any(kind == word or kind.startswith(f"{word}.") for kind in EVENT_KINDS), word


def test_what_the_script_has_is_not_sent_again(client: TestClient, seed: Any) -> None:
    path = f"/searches/{seed.search_id}"
    first = parts(client, path, "tiles,recent,transfer")
    tags = {name: part["tag"] for name, part in first.json()["parts"].items()}
    again = parts(client, path, "tiles,recent,transfer", **{"If-None-Match": ", ".join(tags.values())})
    assert again.status_code == 304
    assert again.content == b""
    assert (
        parts(client, path, "tiles,recent,transfer", **{"If-None-Match": first.headers["etag"]}).status_code
        == 304
    )
    one = parts(client, path, "tiles,recent", **{"If-None-Match": tags["tiles"]})
    assert set(one.json()["parts"]) == {"recent"}


def test_only_what_changed_has_a_new_etag(client: TestClient, seed: Any) -> None:
    path = f"/searches/{seed.search_id}"
    before = {name: part["tag"] for name, part in parts(client, path, "head,recent").json()["parts"].items()}
    client.post(f"/api/v1/searches/{seed.search_id}:pause")
    after = parts(client, path, "head,recent", **{"If-None-Match": ", ".join(before.values())}).json()
    assert set(after["parts"]) == {"head"}
    assert "paused" in after["parts"]["head"]["html"]


def test_the_key_of_a_form_is_drawn_anew_and_is_no_news(
    client: TestClient, seed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/searches/{seed.search_id}"
    first = parts(client, path, "transfer").json()["parts"]["transfer"]
    assert "0" * 32 in first["html"]
    draw_keys(monkeypatch, "1" * 32)
    assert parts(client, path, "transfer", **{"If-None-Match": first["tag"]}).status_code == 304


def test_a_part_costs_only_what_it_shows(
    client: TestClient, seed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: Any, **_named: Any) -> None:
        raise AssertionError("nobody asked for that")

    for noun, method in (("leaderboard", "page"), ("evaluations", "of_search"), ("charts", "attempts")):
        monkeypatch.setattr(type(getattr(seed.store, noun)), method, refuse)
    assert parts(client, f"/searches/{seed.search_id}", "head,recent").status_code == 200


def test_the_script_hears_when_a_page_is_no_longer_live(client: TestClient, seed: Any) -> None:
    path = f"/searches/{seed.search_id}"
    assert parts(client, path, "head").json()["live"] is True
    seed.end()
    assert parts(client, path, "head").json()["live"] is False


def test_a_part_that_there_is_not_is_a_404_that_names_those_there_are(client: TestClient, seed: Any) -> None:
    found = parts(client, f"/searches/{seed.search_id}", "headd")
    assert found.status_code == 404
    assert "tiles" in found.text


def test_every_block_of_a_part_holds_the_element_of_that_name() -> None:
    for template in rendering.ENVIRONMENT.list_templates():
        source, _, _ = rendering.ENVIRONMENT.loader.get_source(rendering.ENVIRONMENT, template)  # type: ignore[union-attr]
        for name in re.findall(rf"{{% block {PREFIX}(\w+) %}}", source):
            block = source.partition(f"{{% block {PREFIX}{name} %}}")[2].partition("{% endblock %}")[0]
            assert re.match(rf'<\w+ [^>]*data-part="{name}"|{{% call numbers\("{name}"', block), (
                template,
                name,
            )


def test_many_tabs_are_rendered_for_once_and_none_gets_what_is_older_than_it_heard() -> None:
    clock, rendered = [100.0], []

    def render(names: Sequence[str]) -> tuple[dict[str, str], bool]:
        rendered.append(list(names))
        return {name: f"{name} {len(rendered)}" for name in names}, True

    kept = KeptParts(lambda: clock[0])
    assert kept.of("/a", ["head", "tiles"], 7, 7, render)[0] == {"head": "head 1", "tiles": "tiles 1"}
    assert kept.of("/a", ["tiles"], 6, 9, render)[0] == {"tiles": "tiles 1"}
    assert kept.of("/b", ["tiles"], 6, 9, render)[0] == {"tiles": "tiles 2"}
    # It heard of 8, and what is kept was read when 7 was the newest.
    assert kept.of("/a", ["head", "tiles"], 8, 8, render)[0] == {"head": "head 3", "tiles": "tiles 3"}
    assert kept.of("/a", ["head"], None, 8, render)[0] == {"head": "head 4"}
    clock[0] += 2.1
    assert kept.of("/a", ["head"], 8, 8, render)[0] == {"head": "head 5"}
    assert rendered == [["head", "tiles"], ["tiles"], ["head", "tiles"], ["head"], ["head"]]


def test_two_tabs_get_two_keys(client: TestClient, seed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept for both, the form would send for one what the other has sent."""
    path = f"/searches/{seed.search_id}?heard=0"
    assert "0" * 32 in parts(client, path, "transfer").json()["parts"]["transfer"]["html"]
    draw_keys(monkeypatch, "1" * 32)
    second = parts(client, path, "transfer").json()["parts"]["transfer"]["html"]
    assert "1" * 32 in second
    assert "0" * 32 not in second
