"""All streams of a process read the database once; none loses an event or hears one twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import anyio
import pytest

from api import event_feed
from api.event_feed import EventFeed
from backprop_evo.records.stored import EventRecord

NOON = datetime(2031, 1, 1, 12, tzinfo=UTC)


def event(number: int, search_id: str) -> EventRecord:
    return EventRecord(id=number, search_id=search_id, kind="trial.completed", at=NOON, payload={})


@dataclass
class Log:
    """Events as the store has them, and how often it was asked."""

    told: list[EventRecord] = field(default_factory=list)
    looks: int = 0

    def add(self, search_id: str) -> None:
        self.told.append(event(len(self.told) + 1, search_id))

    def add_some(self, generator: Random) -> None:
        for _ in range(generator.choice((0, 0, 1, 3, 12))):
            self.add(generator.choice("ab"))

    def after(
        self, event_id: int = 0, *, search_id: str | None = None, limit: int = 500
    ) -> Sequence[EventRecord]:
        self.looks += 1
        new = [each for each in self.told if each.id > event_id]
        return [each for each in new if search_id in (None, each.search_id)][:limit]

    def last(self) -> int:
        return len(self.told)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("seed", range(5))
def test_every_stream_hears_its_events_once_and_in_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens between two looks, and however far behind a stream is: what is kept is little here."""
    monkeypatch.setattr(event_feed, "MOST_KEPT", 7)
    monkeypatch.setattr(event_feed, "A_LOOK", 5)
    generator, log, clock = Random(seed), Log(), Clock()
    log.add_some(generator)
    feed = EventFeed(log, 0.5, lambda event: event, clock=clock)  # type: ignore[arg-type]
    begins = {name: generator.randint(0, log.last()) for name in ("all", "a", "b")}
    reached, heard = dict(begins), {name: [] for name in begins}

    async def listen(name: str) -> None:
        new, reached[name] = await feed.after(reached[name], None if name == "all" else name)
        heard[name] += [each.id for each in new]

    async def live() -> None:
        for _ in range(60):
            log.add_some(generator)
            clock.now += generator.choice((0.1, 0.6))
            for name in generator.sample(sorted(begins), generator.randint(1, 3)):
                await listen(name)
        clock.now += 1
        for name in sorted(begins) * 100:
            await listen(name)

    anyio.run(live)
    for name, ids in heard.items():
        wanted = [each.id for each in log.told if each.id > begins[name] and name in ("all", each.search_id)]
        assert ids == wanted, name


def test_two_hundred_streams_look_and_write_no_more_often_than_one() -> None:
    log, clock = Log(), Clock()
    written: list[int] = []
    feed = EventFeed(log, 0.5, lambda event: written.append(event.id), clock=clock)  # type: ignore[arg-type]

    async def live() -> None:
        await feed.after(0)
        before = log.looks
        log.add("a")
        clock.now += 1
        async with anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(feed.after, 0, "a")
        assert log.looks == before + 1

    anyio.run(live)
    assert written == [each.id for each in log.told]
