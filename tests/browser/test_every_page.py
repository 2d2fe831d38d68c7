"""Every page in a real browser, light and dark, wide and narrow: axe finds nothing, nothing is said to the
console, no policy is violated, nothing has to be scrolled sideways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.browser.conftest import PATIENCE_MS
from tests.browser.pages import EMPTY_PAGES, PAGE_NAMES, THEMES, WIDTHS, Shown, look_at, pages_of
from tests.browser.seeded import Told
from tests.browser.service import Served

pytestmark = pytest.mark.slow

#: Tells of every violation of the content security policy, which the console would only log.
LISTEN = (
    "document.addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective))"
)
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: Words in a column that has no room for them: letters below letters.
SQUEEZED = """[...document.querySelectorAll("td")]
    .filter((cell) => cell.innerText.length > 40 && cell.clientWidth && cell.clientWidth < 110)
    .map((cell) => cell.innerText.slice(0, 40))"""
#: What a script says of a page that answers with an error, which is what is asked for.
EXPECTED = "Failed to load resource: the server responded with a status of 4"


#: Looks in which the same page is judged, by all rules each time. It is opened once: a page that is loaded
#: anew in each look would draw its charts four times.
LOOKS = tuple((width, theme) for width in WIDTHS for theme in THEMES)


class Watched:
    """A page, and what was said on it."""

    def __init__(self, page: Page) -> None:
        self.page, self.said = page, list[str]()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.add_init_script(LISTEN)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
            self.said.append(message.text)

    def problems(self, url: str, shown: Shown) -> list[str]:
        """In words, of all looks of one page."""
        self.said.clear()
        look_at(self.page, url, shown)
        found = []
        for width, theme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            problems = told_by_axe(self.page)
            if (pixels := self.page.evaluate(TOO_WIDE)) > 0:
                problems.append(f"{pixels} pixels wider than the window")
            problems += [f"no room for {words!r}" for words in self.page.evaluate(SQUEEZED)]
            found += [f"{width} {theme}: {each}" for each in problems]
        return found + self.said


def told_by_axe(page: Page) -> list[str]:
    """What it finds, a sentence each, by all its rules, best practices too. Formulas in tables are thousands
    of elements in the colour of their cells, and would take most of the time."""
    options = {"resultTypes": ["violations"]}
    answer = Axe().run(page, context={"exclude": [["td math"]]}, options=options).response
    return [
        f"{each['id']} at {node['target']}: {node['failureSummary'].splitlines()[-1].strip()}"
        for each in answer["violations"]
        for node in each["nodes"]
    ]


@pytest.fixture(scope="module")
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield Watched(context.new_page())
    context.close()


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_nothing_is_wrong_with(name: str, watched: Watched, served: Served, told: Told) -> None:
    assert watched.problems(served.url, pages_of(told)[name]) == []


def test_axe_and_the_policy_would_be_heard(browser: Browser, served: Served, told: Told) -> None:
    """That the others prove something."""
    context = browser.new_context()
    page = context.new_page()
    watched = Watched(page)
    look_at(page, served.url, Shown("/nodes"))
    page.evaluate(
        "document.querySelector('main').innerHTML = '<a href=\"/\"></a><img src=\"http://127.0.0.2/x\">'"
    )
    page.wait_for_timeout(300)
    assert any(each.startswith("link-name") for each in told_by_axe(page))
    assert any("CSP: img-src" in each for each in watched.said)
    context.close()


def test_nothing_is_wrong_with_the_pages_of_an_empty_home(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = Served(tmp_path_factory.mktemp("empty"))
    context = browser.new_context(viewport={"width": 390, "height": 844})
    try:
        empty.start()
        watched = Watched(context.new_page())
        found = {name: watched.problems(empty.url, shown) for name, shown in EMPTY_PAGES.items()}
        assert {name: problems for name, problems in found.items() if problems} == {}
    finally:
        context.close()
        empty.stop()
