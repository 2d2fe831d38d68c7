"""What only a browser shows of an equation and a lineage: texts copied, a cell that runs, charts drawn."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.seeded import Told
from tests.browser.service import Served

pytestmark = pytest.mark.slow


def test_an_equation_is_starred_noted_copied_and_asked_for_by_a_notebook(
    context: BrowserContext, page: Page, served: Served, told: Told
) -> None:
    page.goto(f"{served.url}/equations/{told['equation']}")
    page.get_by_role("button", name="Star", exact=True).click()
    expect(page.get_by_role("button", name="Starred", exact=True)).to_be_visible()
    page.locator("summary", has_text="Note").click()
    page.locator("[name=note]").fill("for section 4")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[name=note]")).to_have_value("for section 4")

    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy PyTorch").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("[data-copy=PyTorch]").text_content()

    cell, said = page.locator("[data-copy='Notebook cell']").text_content(), io.StringIO()
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(said):
        exec(cell or "", names)  # noqa: S102 - the text that people are given is what is tried
    assert names["equation"].fingerprint == told["equation"]
    assert f"{len(names['trials'])} trials" in said.getvalue()

    page.goto(f"{served.url}/leaderboard?search_id={told['completed']}")
    page.get_by_role("link", name="starred", exact=True).click()
    expect(page.locator("input[name=equation]")).to_have_count(1)
    expect(page.locator("input[name=equation]")).to_have_value(told["equation"])
    # What others see of this home is as it was.
    page.goto(f"{served.url}/equations/{told['equation']}")
    page.get_by_role("button", name="Starred", exact=True).click()
    expect(page.get_by_role("button", name="Star", exact=True)).to_be_visible()


def test_map_curves_and_differences_are_drawn_and_a_point_leads_to_its_ancestry(
    page: Page, served: Served, told: Told
) -> None:
    page.goto(f"{served.url}/searches/{told['completed']}/lineage")
    expect(page.locator("figure[data-chart=lineage] canvas")).to_be_visible()
    address = page.evaluate(
        "import('/static/charts/lineage.js').then((map) => map.press({}, { value: [3, 20] }))"
    )
    assert address == f"/searches/{told['completed']}/lineage?individual=3#ancestry"
    page.goto(served.url + address)
    expect(page.locator("#ancestry")).to_contain_text("Ancestry of 3")

    page.goto(f"{served.url}/compare?equation=g&equation={told['equation']}")
    for kind in ("differences", "besideCurves"):
        expect(page.locator(f"figure[data-chart={kind}] canvas")).to_be_visible()
