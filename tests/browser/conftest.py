"""One browser and one service over a seeded home for all tests of a process; loud where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import NoBrowser, launched
from tests.browser.seeded import Told, tell
from tests.browser.service import Served

#: A page that does not come within it is a fault; a machine that does much else serves and draws slowly.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS / 2)


def without_browser(reason: NoBrowser) -> None:
    """A failure where the tests count, and elsewhere a skip that says what to install."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"the pages are untested: {reason}", pytrace=False)
    pytest.skip(f"THE PAGES ARE UNTESTED: {reason}")


# For one file: while it is open an event loop runs in this thread, beside which no other test could run one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with launched() as found:
            yield found
    except NoBrowser as reason:
        without_browser(reason)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    service = Served(tmp_path_factory.mktemp("browsed"))
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def told(served: Served) -> Told:
    """What the seeded home holds; the service answers."""
    found = tell(served.store)
    served.start()
    return found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
