"""Whether anything new has happened, asked of the database once for all event streams that wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from anyio.to_thread import run_sync

from backprop_evo.store.base import Events


@dataclass(slots=True)
class NewestEvent:
    """Of one process. Two hundred streams that each looked for their own news were four hundred reads a
    second."""

    events: Events
    every_s: float
    clock: Callable[[], float] = time.monotonic
    _id: int = 0
    _asked_at: float = float("-inf")

    async def id(self) -> int:
        """As it was at most ``every_s`` ago, and as long as it takes to ask. Raises ``Unavailable``."""
        now = self.clock()
        if now - self._asked_at >= self.every_s:
            # Before it is known: whoever asks meanwhile takes the last one, and asks again soon.
            self._asked_at = now
            self._id = await run_sync(self.events.last)
        return self._id
