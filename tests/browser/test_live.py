"""An open page is brought up to date where it changed, under the hands of who reads it, and costs little."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.seeded import Teller, spec
from tests.browser.service import Served

pytestmark = pytest.mark.slow
PATIENCE_MS = 30_000
#: What a tab may receive for one trial that ends, in bytes as they come over the wire.
BYTES_A_TRIAL = 30_000
#: Longer than a page rests after a quick answer, far shorter than after a slow one.
REST_MS = 7_000


class Running:
    """A search that goes on one trial at a time."""

    def __init__(self, served: Served) -> None:
        self.teller = Teller(served.store, datetime.now(UTC))
        self.search = self.teller.service.submit_search(spec("looked at", 60, seed=2))
        self.train(10)

    @property
    def done(self) -> int:
        return self.teller.store.searches.get(self.search.id).trials_done

    def train(self, more: int) -> None:
        wanted = self.done + more
        self.teller.train(self.search.id, lambda: self.done >= wanted)


@pytest.fixture(scope="module")
def going(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Running]]:
    served = Served(tmp_path_factory.mktemp("live"))
    try:
        running = Running(served)
        served.start()
        yield served, running
    finally:
        served.stop()


@pytest.fixture
def opened(page: Page, going: tuple[Served, Running]) -> Page:
    served, running = going
    page.goto(f"{served.url}/searches/{running.search.id}", timeout=60_000)
    expect(page.locator("#live-state")).to_have_text("Live.")
    return page


def train_and_see(page: Page, running: Running, more: int = 2) -> None:
    """The page says so without being loaded again."""
    running.train(more)
    done = page.locator("[data-part=tiles] progress")
    expect(done).to_have_attribute("value", str(running.done), timeout=PATIENCE_MS)


def test_focus_scroll_and_what_is_selected_or_unfolded_survive(
    opened: Page, going: tuple[Served, Running]
) -> None:
    page, (_, running) = opened, going
    loaded = page.evaluate("window.stamp = Math.random()")
    page.locator("[data-part=recent] tbody tr").nth(3).locator("a").first.focus()
    leads_to = page.evaluate("document.activeElement.href")
    page.locator("details.numbers > summary").first.click()
    page.locator("summary", has_text="Cancel").click()
    page.locator("[data-part=recent] tbody tr").nth(3).locator("a").first.focus()
    page.evaluate("scrollTo(0, 900)")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('[data-part=head] .meta code'))")
    selected, scrolled = page.evaluate("String(getSelection())"), page.evaluate("scrollY")
    assert selected == running.search.id
    before = page.locator("[data-part=recent] tbody tr").first.inner_text()
    train_and_see(page, running)
    expect(page.locator("[data-part=recent] tbody tr").first).not_to_have_text(before)
    assert page.evaluate("window.stamp") == loaded
    assert page.evaluate("document.activeElement.href") == leads_to
    assert page.evaluate("scrollY") == scrolled
    assert page.evaluate("String(getSelection())") == selected
    assert page.locator("details.numbers").first.get_attribute("open") is not None
    assert page.locator("details.ask").first.get_attribute("open") is not None


def test_what_is_typed_stays(opened: Page, going: tuple[Served, Running]) -> None:
    page, (_, running) = opened, going
    field = page.locator("[data-part=head] input[name=trials]")
    field.fill("123")
    train_and_see(page, running)
    expect(field).to_have_value("123")
    expect(field).to_be_focused()


def test_an_open_tab_receives_little_and_a_hidden_one_asks_nothing(
    opened: Page, going: tuple[Served, Running]
) -> None:
    page, (_, running) = opened, going
    received: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.dataReceived", lambda event: received.append(event["encodedDataLength"]))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    trained = running.done
    train_and_see(page, running, more=4)
    assert sum(received) <= BYTES_A_TRIAL * (running.done - trained)
    assert not [each for each in asked if each == page.url]
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.wait_for_timeout(1_000)
    asked.clear()
    running.train(2)
    page.wait_for_timeout(6_000)
    assert not [each for each in asked if "parts=" in each]
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    done = page.locator("[data-part=tiles] progress")
    expect(done).to_have_attribute("value", str(running.done), timeout=PATIENCE_MS)


def test_another_state_is_told_at_once_however_long_the_page_would_rest(
    opened: Page, going: tuple[Served, Running]
) -> None:
    page, (_, running) = opened, going
    badge, asked = page.locator("h1 .badge"), list[str]()

    def as_if_slow(route: Route) -> None:
        asked.append(route.request.url)
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"server-timing": "app;dur=60000"})

    page.route(lambda url: "parts=" in url, as_if_slow)
    train_and_see(page, running)
    asked.clear()
    running.train(1)
    page.wait_for_timeout(REST_MS)
    assert not asked
    running.teller.service.apply_verb("pause", running.search.id)
    expect(badge).to_have_text("paused", timeout=REST_MS)
    assert len(asked) == 1
    running.teller.service.apply_verb("resume", running.search.id)
    expect(badge).to_have_text("running", timeout=REST_MS)


def test_a_folded_table_is_read_when_it_is_unfolded(opened: Page, going: tuple[Served, Running]) -> None:
    page, (_, running) = opened, going
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    train_and_see(page, running)
    assert not [each for each in asked if "slots_table" in each]
    page.locator("[data-part=slots_table] summary").click()
    busy = page.locator("[data-part=slots_table] tbody td.num").first
    with page.expect_request(lambda request: "slots_table" in request.url, timeout=PATIENCE_MS):
        pass
    expect(busy).to_be_visible()
