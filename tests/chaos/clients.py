"""Fifty people and programs at once, and two hundred open event streams, beside a pool that rests."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2

from backprop_evo.store.sql import open_store
from benchmarks.percentiles import percentile
from tests.chaos.seeding import Seeded, seed
from tests.chaos.setting import Setting, case
from tests.chaos.stack import Service
from tests.chaos.table import Row

MOST_MS = 250.0
PAUSE_S = 1.0
"""On average, between an answer and the next request of the same client."""

CONNECTED_S = 120.0
PROCESSES = multiprocessing.get_context("spawn")

OF_TWENTY_CHANGE = 1
"""So many of twenty requests change something."""


@dataclass(slots=True)
class Heard:
    """What the clients heard: seconds of each answer, statuses, and events of all streams."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    events: list[int] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        return sum(n for status, n in self.statuses.items() if status >= 500) + self.faults.total()


@case("clients")
def clients(setting: Setting) -> Iterator[Row]:
    number, streams = (50, 200) if not setting.short else (8, 10)
    seconds = setting.long_or_short(60, 3)
    store = open_store(setting.database.url)
    home = setting.folder / "home"
    home.mkdir()
    running = Service(home, setting.database, nodes=0)
    try:
        seeded = seed(store, setting.size or int(setting.long_or_short(20_000, 1000)))
        running.programs = ("api",)
        running.start("api")
        if not running.pass_time(180, lambda: _is_ready(running.api_port)):
            raise SystemExit(f"the API did not come up: see {home}")
        setting.tell(f"{number} clients, {streams} streams, {seconds:g} s")
        heard = _mixed(running.api_port, seeded, store.events.last(), number, streams, seconds)
        yield from _rows(setting, heard, number, streams, seconds)
    finally:
        running.stop()
        store.close()


def _rows(setting: Setting, heard: Heard, number: int, streams: int, seconds: float) -> Iterator[Row]:
    told = ", ".join(f"{n} × {name}" for name, n in [*heard.statuses.items(), *heard.faults.items()])
    yield setting.row(
        f"{number} clients for {seconds:g} s, {streams} event streams: no error 5xx, no stream cut",
        f"{len(heard.seconds)} answers ({told}), {sum(heard.events)} events heard",
        heard.errors == 0 and len(heard.events) == streams,
    )
    p99 = 1000 * percentile(heard.seconds, 99)
    yield setting.row(
        f"p99 of the answers at most {MOST_MS:g} ms",
        f"p99 {p99:.0f} ms, median {1000 * statistics.median(heard.seconds):.0f} ms",
        p99 <= MOST_MS,
    )


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def _mixed(port: int, seeded: Seeded, newest: int, number: int, streams: int, seconds: float) -> Heard:
    """The streams are read by a process of their own, as other people's are: what they cost is not the
    time of an answer."""
    here, there = PROCESSES.Pipe()
    listening = PROCESSES.Process(target=listen, args=(there, port, newest, streams), daemon=True)
    listening.start()
    try:
        if not here.poll(CONNECTED_S):
            raise SystemExit(f"{streams} streams were not open within {CONNECTED_S:g} s")
        here.recv()
        heard = asyncio.run(_all_ask(port, seeded, number, seconds))
        here.send("enough")
        streamed: Heard = here.recv()
    finally:
        listening.kill()
        listening.join()
    return Heard(
        heard.seconds, heard.statuses + streamed.statuses, streamed.events, heard.faults + streamed.faults
    )


async def _all_ask(port: int, seeded: Seeded, number: int, seconds: float) -> Heard:
    heard = Heard()
    async with _client(port) as http:
        end = time.monotonic() + seconds
        await asyncio.gather(*(_ask(http, seeded, Random(place), heard, end) for place in range(number)))
    return heard


def _client(port: int) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=None)
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60)


async def _ask(http: httpx2.AsyncClient, seeded: Seeded, random: Random, heard: Heard, end: float) -> None:
    """One client: it reads, now and then it changes, and it thinks in between."""
    await asyncio.sleep(random.uniform(0, 2 * PAUSE_S))
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            if random.randrange(20) < OF_TWENTY_CHANGE:
                answer = await http.post("/api/v1/searches", json={"name": "of a client", "trials": 2})
            else:
                answer = await http.get(random.choice(_read(seeded, random)))
            heard.statuses[answer.status_code] += 1
        except httpx2.HTTPError as error:
            heard.faults[type(error).__name__] += 1
        heard.seconds.append(time.monotonic() - began)
        await asyncio.sleep(random.uniform(0, 2 * PAUSE_S))


def _read(seeded: Seeded, random: Random) -> Sequence[str]:
    search = f"/api/v1/searches/{random.choice((*seeded.ended, seeded.runs))}"
    return (
        "/api/v1/searches",
        search,
        f"{search}/trials",
        f"{search}/trials?sort=best",
        f"{search}/individuals",
        f"{search}/leaderboard",
        "/api/v1/leaderboard",
        "/api/v1/nodes",
        f"/api/v1/trials/{seeded.runs}.{random.randrange(seeded.trials_each)}",
    )


def listen(pipe: Any, port: int, newest: int, streams: int) -> None:
    """A process of ``streams`` streams from ``newest`` on: says when all are open, and when told that
    it is enough, what it heard."""
    pipe.send(asyncio.run(_listen_to_all(pipe, port, newest, streams)))


async def _listen_to_all(pipe: Any, port: int, newest: int, streams: int) -> Heard:
    heard = Heard()
    async with _client(port) as http:
        listening = [asyncio.create_task(_listen(http, heard, newest)) for _ in range(streams)]
        while heard.statuses.total() + heard.faults.total() < streams:
            await asyncio.sleep(0.1)
        pipe.send("open")
        await asyncio.to_thread(pipe.recv)
        await asyncio.sleep(2)  # what was done last is told too
        for each in listening:
            each.cancel()
        await asyncio.gather(*listening)
    return heard


async def _listen(http: httpx2.AsyncClient, heard: Heard, newest: int) -> None:
    """One stream from now on, until it is cancelled."""
    events = 0
    try:
        async with http.stream("GET", "/api/v1/events", params={"after": newest}) as stream:
            heard.statuses[stream.status_code] += 1
            async for line in stream.aiter_lines():
                events += line.startswith("id:")
        heard.faults["stream ended"] += 1
    except httpx2.HTTPError as error:
        heard.faults[f"stream: {type(error).__name__}"] += 1
    except asyncio.CancelledError:
        heard.events.append(events)
