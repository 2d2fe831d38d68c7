"""The pages in a real browser as people use them who have no script, no mouse, or a server that goes away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backprop_evo.records.states import SearchState
from tests.browser.pages import PAGE_NAMES, look_at, pages_of
from tests.browser.seeded import Told, spec
from tests.browser.service import Served

pytestmark = pytest.mark.slow


@pytest.fixture
def unscripted(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def focused(page: Page) -> str:
    """Name and text of the element that has the focus."""
    return str(
        page.evaluate("(e => `${e.tagName} ${e.name || e.textContent.trim()}`)(document.activeElement)")
    )


def tab_to(page: Page, wanted: str, at_most: int = 40) -> None:
    """With the keyboard alone; the focus is seen on the way."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        if focused(page) == wanted:
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert style != "none", f"nobody sees the focus on {wanted}"
            return
    raise AssertionError(f"the keyboard never reached {wanted}")


def test_without_a_script_every_page_is_read(unscripted: Page, served: Served, told: Told) -> None:
    for name in PAGE_NAMES:
        look_at(unscripted, served.url, pages_of(told)[name])
        assert unscripted.locator("h1").count() == 1, name
        assert len(unscripted.locator("main").inner_text()) > 40, name


def test_without_a_script_a_search_is_started_paused_resumed_and_cancelled(
    unscripted: Page, served: Served, told: Told
) -> None:
    page = unscripted
    page.goto(served.url)
    page.locator("[name=name]").fill("without a script")
    page.locator("[name=data]").first.select_option("cifar10-mini")
    page.get_by_role("button", name="Start", exact=True).last.click()
    expect(page.locator("h1")).to_contain_text("without a script")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("h1 .badge")).to_have_text("paused")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("h1 .badge")).to_have_text("running")
    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("button", name="Yes, cancel this search").click()
    expect(page.locator("h1 .badge")).to_have_text("cancelled")


def test_the_keyboard_alone_reaches_content_and_buttons(page: Page, served: Served, told: Told) -> None:
    search = served.service.submit_search(spec("by keys", 5))
    page.goto(f"{served.url}/searches/{search.id}")
    page.keyboard.press("Tab")
    assert focused(page) == "A Skip to the content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    tab_to(page, "BUTTON Pause")
    page.keyboard.press("Enter")
    expect(page.locator("h1 .badge")).to_have_text("paused")
    tab_to(page, "SUMMARY Cancel")
    page.keyboard.press("Enter")
    tab_to(page, "BUTTON Yes, cancel this search", at_most=2)
    page.keyboard.press("Enter")
    expect(page.locator("h1 .badge")).to_have_text("cancelled")


def test_the_keyboard_alone_submits_the_form_and_an_error_takes_the_focus(
    page: Page, served: Served, told: Told
) -> None:
    page.goto(served.url)
    page.locator("[name=trials]").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.locator("[name=trials]")).to_be_focused()
    expect(page.locator("[name=trials]")).to_have_value("many")
    expect(page.locator(".problem").first).to_be_in_viewport()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("search-extended-wrongly", "input[name=trials]"),
        ("evaluations-wrong", "[name=seeds]"),
        ("equations-wrong", "[name=text]"),
        ("login-wrong", "[name=key]"),
    ],
)
def test_what_is_wrong_has_the_focus_and_the_page_stays(
    name: str, wrong: str, page: Page, served: Served, told: Told
) -> None:
    look_at(page, served.url, pages_of(told)[name])
    expect(page.locator(wrong)).to_be_focused()
    expect(page.locator(wrong)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("h1")).to_be_visible()
    described = page.locator(wrong).get_attribute("aria-describedby")
    assert described is not None
    expect(page.locator(f"#{described.split()[0]}")).to_be_visible()


def test_an_open_page_survives_its_server(page: Page, tmp_path: Path) -> None:
    """Killed in the middle, the API comes back, and the page goes on by itself with what happened since."""
    served = Served(tmp_path)
    try:
        served.start()
        search = served.service.submit_search(spec("outlives the API", 5))
        page.goto(f"{served.url}/searches/{search.id}")
        expect(page.locator("#live-state")).to_have_text("Live.")
        served.kill()
        expect(page.locator("#live-state")).to_contain_text("does not answer", timeout=20_000)
        served.service.apply_verb("pause", search.id)
        assert served.store.searches.get(search.id).state is SearchState.PAUSED
        served.start()
        expect(page.locator("h1 .badge")).to_have_text("paused", timeout=30_000)
        expect(page.locator("#live-state")).to_have_text("Live.")
    finally:
        served.stop()
