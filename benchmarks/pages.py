"""Whether the pages are quick with a long search: ``python benchmarks/pages.py [--home DIR]``.

Seeds a search of 100,000 trials (or takes the one of an earlier run in ``--home``), starts the API and
measures what a page takes the server, what a browser needs until it paints and draws, what an open tab costs
while one trial a second is trained, and how the API answers beside 200 such tabs. Tabs of the last kind are
played by ``open_tabs.py``, which asks for what the script of the page asks for.

Wall time is that of this machine as it is now; CPU time is what the server needs of a core, and is what is
left of the wall time where nothing else runs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx2
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' browser and service
from arguments import whole_number
from large_search import LargeSearch
from open_tabs import Tab
from percentiles import percentile

from backprop_evo.store.sql import SqlStore
from tests.browser.chromium import launched
from tests.browser.service import Served

ROUNDS = 20
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
FIRST_PAINT = (
    "performance.getEntriesByType('paint').find((e) => e.name === 'first-contentful-paint')?.startTime"
)
CHART = "performance.getEntriesByName('chart fitness')[0]?.duration"
BYTES = """performance.getEntriesByType('navigation')
    .concat(performance.getEntriesByType('resource'))
    .filter((e) => !e.name.includes('/vendor/'))
    .filter((e) => !e.name.includes('/charts') || e.name.includes('/static/'))
    .reduce((sum, e) => sum + e.encodedBodySize, 0)"""


@dataclass
class Table:
    """Rows of what was measured beside its goal."""

    rows: list[str] = field(default_factory=list)

    def add(self, what: str, goal: float, measured: float, unit: str, beside: float | None = None) -> None:
        """``beside``: CPU time, which holds where the wall time of a busy machine does not."""
        holds = "yes" if measured <= goal else "by CPU time" if beside and beside <= goal else "no"
        more = "" if beside is None else f" ({beside:.1f} CPU)"
        self.rows.append(f"| {what} | ≤ {goal:g} {unit} | {measured:.1f} {unit}{more} | {holds} |")
        print(self.rows[-1], flush=True)


def cpu_s(root: int) -> float:
    """Seconds of a core that a process and its children have had."""
    own = Path(f"/proc/{root}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return sum(map(int, own[11:13])) / TICKS_A_SECOND + sum(cpu_s(int(each)) for each in children)


def paths(store: SqlStore, search_id: str) -> dict[str, str]:
    """The pages of the search, and those that hold its trials among others."""
    rows = store.leaderboard.page(search_id).items
    one, other = rows[3].fingerprint, rows[7].fingerprint
    return {
        "search": f"/searches/{search_id}",
        "leaderboard": f"/leaderboard?search_id={search_id}",
        "leaderboard of all settings": "/leaderboard",
        "trials": f"/searches/{search_id}/trials",
        "trials with a component": f"/searches/{search_id}/trials?component=fro",
        "lineage": f"/searches/{search_id}/lineage",
        "equation": f"/equations/{one}",
        "compare": f"/compare?equation={one}&equation={other}",
        "nodes": "/nodes",
        "searches": "/",
        "parts of an open search page": f"/searches/{search_id}?parts={','.join(Tab.NAMES)}",
    }


def measure_pages(table: Table, served: Served, pid: int, search_id: str) -> None:
    """After three calls: the first one of a process compiles templates."""
    with httpx2.Client(base_url=served.url, timeout=120, follow_redirects=True) as client:
        for name, path in paths(served.store, search_id).items():
            for _ in range(3):
                assert client.get(path).status_code == 200, path
            times, before = [], cpu_s(pid)
            for _ in range(ROUNDS):
                began = time.perf_counter()
                client.get(path)
                times.append(1000 * (time.perf_counter() - began))
            table.add(f"page: {name}", 50, median(times), "ms", 1000 * (cpu_s(pid) - before) / ROUNDS)


def measure_browser(table: Table, served: Served, pid: int, large: LargeSearch, seconds: float) -> None:
    """First paint and chart of a fresh browser, then what its tab costs."""
    address = f"{served.url}/searches/{large.search.id}"
    with launched() as browser:
        painted, drawn, fetched = [], [], []
        for _ in range(3):
            context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
            page = context.new_page()
            page.goto(address, wait_until="load", timeout=120_000)
            wait_for_chart(page)
            painted.append(page.evaluate(FIRST_PAINT))
            drawn.append(page.evaluate(CHART))
            fetched.append(page.evaluate(BYTES) / 1000)
            context.close()
        table.add("first paint, best of 3", 1000, min(painted), "ms")
        table.add("chart after its data, best of 3", 300, min(drawn), "ms")
        table.add("bytes before the chart library", 100, max(fetched), "kB")
        add_up(address)
        with trained(large):
            idle = share_of(pid, seconds)
            page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
            received = count_bytes(page)
            page.goto(address, wait_until="load", timeout=120_000)
            wait_for_chart(page)
            page.wait_for_timeout(10_000)
            at_first = sum(received)
            before, cpu = time.monotonic(), cpu_s(pid)
            page.wait_for_timeout(1000 * seconds)
            took = time.monotonic() - before
            share = 100 * (cpu_s(pid) - cpu) / took - idle
        table.add("an open tab, of a core of the server", 1, share, "%")
        print(f"{(sum(received) - at_first) / 1000 / took:.1f} kB a second were fetched by it", flush=True)


def add_up(address: str) -> None:
    """All components that the chart asks for bit by bit, once in the life of a server."""
    began, requests, waiting = time.monotonic(), 0, 1
    with httpx2.Client(timeout=120) as client:
        while waiting:
            waiting = client.get(f"{address}/charts/components").raise_for_status().json()["waiting"]
            requests += 1
    print(
        f"its components were added up in {requests} requests, {time.monotonic() - began:.0f} s", flush=True
    )


def wait_for_chart(page: Page) -> None:
    """The policy of the service lets nobody wait by a function in text."""
    while not page.evaluate(CHART):
        page.wait_for_timeout(100)


def count_bytes(page: Page) -> list[float]:
    """Grows by what the page receives, as it comes over the wire."""
    received: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.dataReceived", lambda event: received.append(event["encodedDataLength"]))
    return received


def share_of(pid: int, seconds: float) -> float:
    """Of a core, in per cent."""
    before = cpu_s(pid)
    time.sleep(seconds)
    return 100 * (cpu_s(pid) - before) / seconds


@contextmanager
def trained(large: LargeSearch) -> Iterator[None]:
    """One trial a second meanwhile."""
    ends = threading.Event()

    def train() -> None:
        while not ends.wait(1.0):
            large.run_one()

    thread = threading.Thread(target=train)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


async def ask_beside(url: str, search_id: str, tabs: Sequence[Tab], seconds: float) -> list[float]:
    """Milliseconds of API calls, ten a second, once all tabs are open."""
    paths = (
        f"/api/v1/searches/{search_id}",
        f"/api/v1/leaderboard?search_id={search_id}&limit=10",
        "/readyz",
    )
    times: list[float] = []
    # One client for all: each reads the certificates of the system, which nobody asks for here.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with (
        httpx2.AsyncClient(base_url=url, timeout=None, limits=limits) as client,
        asyncio.TaskGroup() as tasks,
    ):
        open_ = [tasks.create_task(each.stay_open(client, search_id)) for each in tabs]
        await asyncio.sleep(10 + len(tabs) / 20)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for path in paths:
                began = time.perf_counter()
                (await client.get(path)).raise_for_status()
                times.append(1000 * (time.perf_counter() - began))
                await asyncio.sleep(0.1)
        for each in open_:
            each.cancel()
    return times


def measure_tabs(
    table: Table, served: Served, pid: int, large: LargeSearch, count: int, seconds: float
) -> None:
    """The clients are of this process, on the same cores."""
    tabs = [Tab(number, large.store.events.last()) for number in range(count)]
    with trained(large):
        before, began = cpu_s(pid), time.monotonic()
        times = asyncio.run(ask_beside(served.url, large.search.id, tabs, seconds))
        share = (cpu_s(pid) - before) / (time.monotonic() - began)
    asked, unchanged = sum(each.asked for each in tabs), sum(each.unchanged for each in tabs)
    heard = min(each.heard for each in tabs)
    table.add(f"API beside {count} tabs, p99 of {len(times)} calls", 250, percentile(times, 99), "ms")
    print(
        f"median {median(times):.0f} ms; the server took {share:.2f} cores; {asked} requests for parts, "
        f"{unchanged} answered by 304; every tab heard {heard} events at least",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=whole_number(), default=100_000)
    parser.add_argument("--tabs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long open tabs are looked at")
    parser.add_argument("--home", type=Path, help="seeded there once, and used again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        served = Served(asked.home or Path(folder))
        is_new = not served.store.searches.page().items
        large = (
            LargeSearch.submitted(served.store, asked.trials) if is_new else LargeSearch.found(served.store)
        )
        if is_new:
            large.fill(asked.trials)
            large.add_nodes()
        try:
            served.start()
            table, pid = Table(), served.process_id
            print("| what | goal | measured | holds |\n|---|---|---|---|")
            measure_pages(table, served, pid, large.search.id)
            measure_browser(table, served, pid, large, asked.seconds)
            measure_tabs(table, served, pid, large, asked.tabs, asked.seconds)
        finally:
            served.stop()


if __name__ == "__main__":
    main()
