"""The pages of leaderboards choose rows by link and by form, without a script; neither forgets the other."""

from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from fastapi.testclient import TestClient


class Page(HTMLParser):
    """The fields of the filter's form and the addresses of links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self._is_filter, self._link = False, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_filter = told.get("aria-label") == "Filter"
            if self._is_filter:
                assert (told["method"], told["action"]) == ("get", "/leaderboard")
        elif tag == "input" and self._is_filter:
            self.fields[told["name"]] = told["value"]
            if told.get("type") != "hidden":
                self.labels[told["name"]] = told["aria-label"]
        elif tag == "a":
            self._link = told.get("href", "")

    def handle_data(self, data: str) -> None:
        if self._link:
            self.links.setdefault(data, unescape(self._link))
            self._link = ""

    def submit(self, **typed: str) -> str:
        """The address that a browser goes to."""
        return f"/leaderboard?{urlencode({**self.fields, **typed})}"


def rows(text: str) -> int:
    return text.count('name="equation"')


@pytest.fixture
def board(client: TestClient, seed: Any) -> Page:
    return Page(client.get(f"/leaderboard?search_id={seed.search_id}").text)


def test_the_form_chooses_by_text_and_component_and_stays_on_its_board(
    client: TestClient, seed: Any, board: Page
) -> None:
    assert board.labels == {"text": "Part of an equation", "component": "Component"}
    every = rows(client.get(board.submit()).text)
    some = client.get(board.submit(text=" / fro(g)")).text
    assert 0 < rows(some) < every
    assert f'href="?search_id={seed.search_id}"' in some, "the way back"
    by_component = Page(client.get(board.submit(component="fro")).text)
    assert by_component.fields == {"search_id": seed.search_id, "text": "", "component": "fro"}
    assert "No row is like that." in client.get(board.submit(text="sin(sin(sin(", component="fro")).text


def test_links_keep_what_was_typed_and_the_form_which_rows(
    client: TestClient, seed: Any, board: Page
) -> None:
    found = Page(client.get(board.submit(component="fro")).text)
    confirmed = found.links["confirmed"]
    assert parse_qs(confirmed.removeprefix("?")) == {
        "search_id": [seed.search_id],
        "component": ["fro"],
        "confirmed": ["true"],
    }
    there = Page(client.get(f"/leaderboard{confirmed}").text)
    assert there.fields["confirmed"] == "true"
    odd = Page(client.get("/leaderboard?model=wrn-10-1&starred=false&text=g").text)
    assert odd.fields == {"model": "wrn-10-1", "starred": "false", "text": "g", "component": ""}
    assert "as in the address" in odd.links
    assert parse_qs(odd.links["any text and component"].removeprefix("?")) == {
        "model": ["wrn-10-1"],
        "starred": ["false"],
    }


def test_pages_after_the_first_are_of_the_same_choice(client: TestClient, seed: Any) -> None:
    first = Page(client.get(f"/leaderboard?search_id={seed.search_id}&text=g&limit=1").text)
    told = parse_qs(first.links["More →"].removeprefix("?"))
    assert (told["search_id"], told["text"]) == ([seed.search_id], ["g"])
    assert rows(client.get(f"/leaderboard{first.links['More →']}").text) > 0


def test_the_board_of_a_setting_and_of_all_settings_have_the_form(client: TestClient, seed: Any) -> None:
    every = client.get("/leaderboard").text
    link = next(each for each in Page(every).links.values() if "setting=" in each)
    setting = link.partition("setting=")[2]
    one = Page(client.get(f"/leaderboard?setting={setting}").text)
    assert one.fields == {"setting": setting, "text": "", "component": ""}
    chosen = client.get(Page(every).submit(text=" / fro(g)")).text
    assert 0 < rows(chosen) < rows(every)


def test_what_is_typed_is_written_as_text_and_a_wrong_name_is_told(
    client: TestClient, seed: Any, board: Page
) -> None:
    typed = '"><script>'
    text = client.get(board.submit(text=typed)).text
    assert typed not in text
    assert Page(text).fields["text"] == typed
    refused = client.get(board.submit(component="1 + 1"))
    assert refused.status_code == 422
    assert "no name of a component" in refused.text
