"""The report over HTTP: formats, headers, the links on the page."""

import pytest
from fastapi.testclient import TestClient

from backprop_evo.store.sql import SqlStore
from tests.api.conftest import HOSTILE, Seed


def path_of(seed: Seed) -> str:
    return f"/api/v1/searches/{seed.search_id}/report"


@pytest.mark.parametrize(
    ("format", "kind", "begins"),
    [
        ("html", "text/html", "<!doctype html>"),
        ("markdown", "text/markdown", "# normalised gradients"),
        ("json", "application/json", "{"),
    ],
)
def test_it_comes_in_three_formats(
    client: TestClient, seed: Seed, format: str, kind: str, begins: str
) -> None:
    answer = client.get(path_of(seed), params={"format": format})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.text.startswith(begins)
    assert "content-disposition" not in answer.headers
    assert "script-src" not in answer.headers["content-security-policy"]
    as_file = client.get(path_of(seed), params={"format": format, "download": True})
    suffix = {"markdown": "md"}.get(format, format)
    assert as_file.headers["content-disposition"] == (
        f'attachment; filename="search-{seed.search_id}.{suffix}"'
    )
    assert as_file.text == answer.text


def test_a_browser_is_given_the_page(client: TestClient, seed: Seed) -> None:
    seed.confirm_row(0)
    page = client.get(path_of(seed)).text
    assert "<!doctype html>" in page
    assert "g / fro(g)" in page
    assert "+1.0" not in page.split("</h1>")[1].split("<h2>")[0], "both measured the same"


def test_what_does_not_exist_is_refused(client: TestClient, seed: Seed) -> None:
    unknown = client.get(path_of(seed), params={"format": "pdf"})
    assert (unknown.status_code, "markdown" in unknown.json()["hint"]) == (422, True)
    assert client.get("/api/v1/searches/nobody/report").status_code == 404


def test_the_page_of_the_search_leads_to_it(client: TestClient, seed: Seed) -> None:
    page = client.get(f"/searches/{seed.search_id}").text
    assert f'href="{path_of(seed)}"' in page
    for name in ("html", "markdown", "json"):
        assert f"report?format={name}&amp;download=true" in page


def test_a_hostile_name_is_text(client: TestClient, store: SqlStore) -> None:
    told = Seed(store, name=HOSTILE)
    assert HOSTILE not in client.get(path_of(told)).text
    before, _fence, _code = client.get(path_of(told), params={"format": "markdown"}).text.partition("```")
    assert HOSTILE not in before
    assert "alert" in before
