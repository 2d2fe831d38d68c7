"""Every page there is, in every form that looks different: what screenshots and tests go through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Page

from tests.browser.seeded import Told


def _nothing(_page: Page) -> None:
    """Just the page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page by its address, what is done on it before anybody looks, and what it answers at first."""

    path: str
    act: Callable[[Page], None] = _nothing
    status: int = 200


def _press(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def _start_wrong_search(page: Page) -> None:
    page.locator("[name=trials]").fill("many")
    page.get_by_role("button", name="Start", exact=True).last.click()


def _start_wrong_evaluation(page: Page) -> None:
    page.locator("[name=seeds]").fill("some")
    page.get_by_role("button", name="Start", exact=True).click()


def _extend_wrongly(page: Page) -> None:
    page.locator("input[name=trials]").fill("abc")
    page.get_by_role("button", name="Extend", exact=True).click()


def _log_in_wrongly(page: Page) -> None:
    page.get_by_label("API key").fill("bpe_wrong")
    page.get_by_role("button", name="Log in").click()


def _ask_to_cancel(page: Page) -> None:
    page.locator("summary", has_text="Cancel").click()


def pages_of(told: Told) -> Mapping[str, Shown]:
    """The pages over a seeded home."""
    completed, running = told["completed"], told["running"]
    long_text = quote("min(g / fro(g), clip(h, 1.0)) * sgn(b_next_R_dh) + 0.5 * bn(h_pre)")
    return {
        "searches": Shown("/"),
        "searches-checked": Shown("/", _press("Check")),
        "searches-wrong": Shown("/", _start_wrong_search),
        "search-completed": Shown(f"/searches/{completed}"),
        "search-running": Shown(f"/searches/{running}"),
        "search-cancelling": Shown(f"/searches/{running}", _ask_to_cancel),
        "search-extended-wrongly": Shown(f"/searches/{completed}", _extend_wrongly),
        "search-paused": Shown(f"/searches/{told['paused']}"),
        "search-queued": Shown(f"/searches/{told['queued']}"),
        "trials": Shown(f"/searches/{completed}/trials"),
        "trials-failed": Shown(f"/searches/{completed}/trials?state=failed"),
        "trials-none": Shown(f"/searches/{told['queued']}/trials"),
        "lineage": Shown(f"/searches/{completed}/lineage"),
        "lineage-none": Shown(f"/searches/{told['queued']}/lineage"),
        "lineage-ranked": Shown(f"/searches/{completed}/lineage?order=rank&individual=1"),
        "compare": Shown(f"/compare?equation=g&equation={told['equation']}"),
        "compare-searches": Shown(f"/compare?search={completed}&search={running}"),
        "compare-wrong": Shown("/compare?equation=g", status=422),
        "learn": Shown("/learn"),
        "leaderboard": Shown("/leaderboard"),
        "leaderboard-search": Shown(f"/leaderboard?search_id={completed}"),
        "equations": Shown("/equations"),
        "equations-checked": Shown(f"/equations?text={long_text}"),
        "equations-wrong": Shown(f"/equations?text={quote('g / froh(g)')}", status=422),
        "equation": Shown(f"/equations/{told['equation']}"),
        "method": Shown(f"/equations/{told['method']}"),
        "trial-completed": Shown(f"/trials/{told['completed trial']}"),
        "trial-diverged": Shown(f"/trials/{told['diverged trial']}"),
        "trial-failed": Shown(f"/trials/{told['failed trial']}"),
        "trial-running": Shown(f"/trials/{told['running trial']}"),
        "trial-aligned": Shown(f"/trials/{told['aligned trial']}"),
        "evaluations": Shown("/evaluations"),
        "evaluations-wrong": Shown("/evaluations", _start_wrong_evaluation),
        "evaluation": Shown(f"/evaluations/{told['evaluation']}"),
        "evaluation-waiting": Shown(f"/evaluations/{told['waiting evaluation']}"),
        "confirmation": Shown(f"/evaluations/{told['confirmation']}"),
        "nodes": Shown("/nodes"),
        "reference": Shown("/reference"),
        "login": Shown("/login"),
        "login-wrong": Shown("/login", _log_in_wrongly),
        "not-found": Shown("/searches/none", status=404),
    }


PAGE_NAMES = tuple(pages_of(Told(defaultdict(str))))

#: Over a home in which nothing was ever asked for.
EMPTY_PAGES: Mapping[str, Shown] = {
    "empty-searches": Shown("/"),
    "empty-leaderboard": Shown("/leaderboard"),
    "empty-evaluations": Shown("/evaluations"),
    "empty-nodes": Shown("/nodes"),
}

THEMES = ("light", "dark")
#: A desk's width and a telephone's, in CSS pixels.
WIDTHS = (1440, 390)


DRAWN = """() => [...document.querySelectorAll(".chart-message")].every(
    (each) => each.hidden || !each.textContent.startsWith("Reading"))"""


def look_at(page: Page, url: str, shown: Shown) -> None:
    """Open a page and bring it into its form, its charts drawn."""
    answer = page.goto(url + shown.path, wait_until="load")
    assert answer is not None
    assert answer.status == shown.status, (shown.path, answer.status)
    shown.act(page)
    page.wait_for_function(DRAWN)
