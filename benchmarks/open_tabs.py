"""A tab as ``pages.py`` plays hundreds of: the event stream, and what ``api/static/live.js`` asks for."""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import ClassVar

import httpx2

GATHER_S, REST_S, CHART_REST_S = (0.15, 0.6), (3.0, 5.0), 5.0
RESTS, MOST_REST_S = 300, 20.0
SERVER_TIME = re.compile(r"\bdur=([\d.]+)")


def rest_after(took_s: float, least_s: float) -> float:
    """As ``restAfter`` of ``api/static/pacing.js``."""
    return max(least_s, min(MOST_REST_S, RESTS * took_s))


def took_s(answer: httpx2.Response) -> float:
    """What the server was at it: ``tookOf`` of ``api/static/pacing.js``, in seconds."""
    found = SERVER_TIME.search(answer.headers.get("Server-Timing", ""))
    return float(found[1]) / 1000 if found else 0.0


class Tab:
    """Of a search page whose fitness chart is in view; ``asked`` counts its requests for parts, ``unchanged``
    those answered by 304, ``heard`` its events."""

    #: The parts that hear of every trial, but for folded tables.
    NAMES: ClassVar[tuple[str, ...]] = (
        "tiles",
        "funnel",
        "best",
        "leaderboard",
        "running",
        "recent",
        "injections",
    )

    def __init__(self, number: int, seen: int) -> None:
        self._random = Random(number)
        self._seen = seen
        self._tags: dict[str, str] = {}
        self._news = asyncio.Event()
        self.asked = self.unchanged = self.heard = 0

    async def stay_open(self, client: httpx2.AsyncClient, search_id: str) -> None:
        """Until it is cancelled. People do not open their tabs in the same second."""
        await asyncio.sleep(self._random.uniform(0, 10))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(client, search_id))
            tasks.create_task(self._look(client, search_id))
            tasks.create_task(self._draw(client, search_id))

    async def _listen(self, client: httpx2.AsyncClient, search_id: str) -> None:
        asked = {"search_id": search_id, "after": str(self._seen)}
        async with client.stream("GET", "/api/v1/events", params=asked) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("id:"):
                    self._seen = int(line.removeprefix("id:"))
                    self.heard += 1
                    self._news.set()

    async def _look(self, client: httpx2.AsyncClient, search_id: str) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(self._random.uniform(*GATHER_S))
            self._news.clear()
            query = {"parts": ",".join(self.NAMES), "heard": str(self._seen)}
            known = {"If-None-Match": ", ".join(self._tags.values())} if self._tags else {}
            answer = await client.get(f"/searches/{search_id}", params=query, headers=known)
            took = took_s(answer)
            self.asked += 1
            if answer.status_code == 304:
                self.unchanged += 1
            else:
                told = answer.raise_for_status().json()["parts"]
                self._tags |= {name: part["tag"] for name, part in told.items()}
            await asyncio.sleep(rest_after(took, self._random.uniform(*REST_S)))

    async def _draw(self, client: httpx2.AsyncClient, search_id: str) -> None:
        frame = await client.get(f"/searches/{search_id}")
        frame.raise_for_status()
        last = 10**6
        took = 0.0
        while True:
            await asyncio.sleep(rest_after(took, CHART_REST_S))
            took = 0.0
            for path in (f"charts/fitness?after={last}&every=20", "charts/frame"):
                took += took_s((await client.get(f"/searches/{search_id}/{path}")).raise_for_status())
