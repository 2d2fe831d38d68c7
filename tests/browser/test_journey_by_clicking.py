"""From the form to a node with more slots by clicking, over real processes: API, controller, a node that
trains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.service import Served
from tests.e2e.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: A minute of nothing is a fault; a busy machine starts processes slowly.
PATIENCE_MS = 180_000
#: Enough that somebody has time to pause the search; where a busy browser had not, the next number.
TRIALS = (30, 150, 750)
TYPED = {
    "name": "by clicking",
    "start": "g / fro(g)",
    "model": "mlp-8",
    "epochs": "0.2",
    "learning_rate": "0.1",
}
UNFOLDED = {"train_images": "640", "validation_images": "200", "confirm_seeds": "2", "start_random": "3"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Served]:
    """Everything that ``backprop-evo up`` starts."""
    cluster, served = Cluster(tmp_path, SLOTS="1"), Served(tmp_path)
    try:
        cluster.start("redis", "node", "controller")
        served.start()
        yield served
    finally:
        served.stop()
        cluster.stop()


def badge(page: Page, state: str) -> None:
    """The page says so by itself: nobody loads it again."""
    expect(page.locator("h1 .badge")).to_have_text(re.compile(state), timeout=PATIENCE_MS)


def fill_in(page: Page, trials: int) -> None:
    for name, text in (TYPED | {"trials": str(trials)}).items():
        page.locator(f"[name={name}]").fill(text)
    for summary in page.locator("form details.group > summary").all():
        summary.click()
    for name, text in UNFOLDED.items():
        page.locator(f"[name={name}]").fill(text)
    page.locator("[name=confirm_controls]").select_option("none")


def is_paused(page: Page, url: str, trials: int) -> bool:
    """Whether a new search was seen running and could be paused before it was through."""
    page.goto(url)
    fill_in(page, trials)
    page.get_by_role("button", name="Start", exact=True).last.click()
    expect(page.locator("h1")).to_contain_text("by clicking")
    badge(page, "running|completed")
    if "running" not in page.locator("h1 .badge").inner_text():
        return False
    page.get_by_role("button", name="Pause", exact=True).click()
    badge(page, "paused|completed")
    return "paused" in page.locator("h1 .badge").inner_text()


def test_from_the_form_to_a_node_with_more_slots(page: Page, running: Served) -> None:
    assert any(is_paused(page, running.url, trials) for trials in TRIALS)
    page.get_by_role("button", name="Resume", exact=True).click()
    badge(page, "running|completed")
    badge(page, "completed")
    expect(page.locator("[data-part=best] math")).to_be_visible()

    page.locator("#leaderboard a").click()
    expect(page.locator("table.leaderboard tbody tr").first).to_contain_text("confirmed")
    first, second = (page.locator("table.leaderboard input[name=equation]").nth(place) for place in (0, 1))
    first.check()
    second.check()
    page.get_by_role("button", name="Compare what is ticked").click()
    expect(page.locator("h1")).to_have_text("2 equations side by side")
    expect(page.locator("section[aria-labelledby=differences] tbody tr").first).to_contain_text("B")

    page.locator(".compared .display-equation a").last.click()
    expect(page.locator("h1 math")).to_be_visible()
    expect(page.locator("section[aria-labelledby=results]")).to_contain_text("to compare, on new seeds")

    page.locator("nav[aria-label=Main] a", has_text="Searches").click()
    page.locator("td.name a", has_text="by clicking").first.click()
    page.get_by_role("link", name="lineage").click()
    expect(page.locator("table").last.locator("tbody tr").first).to_contain_text("baseline")

    page.locator("nav[aria-label=Main] a", has_text="Evaluations").click()
    page.locator("[name=methods]").fill("g / fro(g)")
    page.locator("[name=changes]").fill(
        "model = mlp-8\nepochs = 0.2\ntrain_images = 640\nvalidation_images = 200\nlearning_rate = 0.1"
    )
    page.locator("[name=seeds]").fill("2")
    page.locator("[name=controls]").select_option("none")
    page.get_by_role("button", name="Start", exact=True).click()
    badge(page, "completed")
    expect(page.locator("section[aria-labelledby=table] tbody tr")).to_have_count(2)
    expect(page.get_by_role("link", name="csv")).to_be_visible()

    page.locator("nav[aria-label=Main] a", has_text="Nodes").click()
    expect(page.locator("td[data-label='slots busy']")).to_contain_text("/ 1")
    page.locator("summary", has_text="Change").click()
    page.locator("[name=slots]").fill("2")
    page.get_by_role("button", name="Scale", exact=True).click()
    expect(page.locator("td[data-label='slots busy']")).to_contain_text("/ 2", timeout=PATIENCE_MS)
