"""One look at the database for all event streams: hundreds of open pages ask it no more often than one."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

import anyio
from anyio.to_thread import run_sync

from backprop_evo.records.stored import EventRecord
from backprop_evo.store.base import Events

#: Events that are kept for the streams; who is further behind reads the database.
MOST_KEPT, A_LOOK = 2_000, 500


Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Kept(Generic[Told]):
    """An event, and what streams send of it: written once for all of them."""

    id: int
    search_id: str | None
    told: Told


class EventFeed(Generic[Told]):
    """The newest events of one process, as ``tell`` writes them. Whichever stream finds the last look too old
    looks for all."""

    def __init__(
        self,
        events: Events,
        every_s: float,
        tell: Callable[[EventRecord], Told],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = events
        self._every_s = every_s
        self._tell = tell
        self._clock = clock
        self._kept: deque[Kept[Told]] = deque(maxlen=MOST_KEPT)
        self._last = self._forgotten = 0
        self._looked = float("-inf")
        self._lock = anyio.Lock()

    async def after(self, seen: int, search_id: str | None = None) -> tuple[Sequence[Told], int]:
        """Events with a greater id than ``seen``, oldest first, as far as the last look found them, of one
        search or evaluation if ``search_id`` is given; and up to which id that is all."""
        await self._look()
        reached = max(seen, self._last)
        if seen < self._forgotten:
            found = await run_sync(lambda: self._events.after(seen, search_id=search_id, limit=A_LOOK))
            # A full answer may be followed by more.
            upto = found[-1].id if len(found) == A_LOOK else max([reached, *(e.id for e in found)])
            return [self._tell(each) for each in found], upto
        kept = list(self._kept)
        new = kept[bisect_right(kept, seen, key=attrgetter("id")) :]
        return [each.told for each in new if search_id is None or each.search_id == search_id], reached

    async def _look(self) -> None:
        async with self._lock:
            if self._clock() - self._looked < self._every_s:
                return
            if self._looked == float("-inf"):
                self._last = self._forgotten = await run_sync(self._events.last)
            while len(new := await run_sync(self._read_on)) == A_LOOK:
                self._keep(new)
            self._keep(new)
            self._looked = self._clock()

    def _read_on(self) -> Sequence[EventRecord]:
        return self._events.after(self._last, limit=A_LOOK)

    def _keep(self, new: Sequence[EventRecord]) -> None:
        for event in new:
            if len(self._kept) == MOST_KEPT:
                self._forgotten = self._kept[0].id
            self._kept.append(Kept(event.id, event.search_id, self._tell(event)))
            self._last = event.id
