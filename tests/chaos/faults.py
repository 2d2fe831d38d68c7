"""One thing at a time is taken away from the running service and given back: Redis, the database, the disk,
a slot, everything."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from backprop_evo.errors import Conflict
from backprop_evo.records.states import SearchState
from tests.chaos.databases import Database, new_sqlite, postgres_server
from tests.chaos.disks import SmallDisk, small_disk, why_no_small_disk
from tests.chaos.invariants import broken_promises
from tests.chaos.setting import SQLITE, Setting, case
from tests.chaos.stack import Service, service, short_trials
from tests.chaos.table import Row

MORE_THAN_END = 100_000
"""Trials of a search that is stopped when the fault is over."""

WITHIN_S = 10.0
"""Of the end of the fault the first trial finishes."""

Fault = Callable[[Service], object]


@dataclass(frozen=True, slots=True)
class Times:
    """How long each thing is away, in seconds."""

    redis: float
    database: float
    disk: float
    slot: float
    stack: float


LONG = Times(redis=60, database=20, disk=45, slot=90, stack=5)
SHORT = Times(redis=2, database=2, disk=3, slot=10, stack=1)


@case("faults")
def faults(setting: Setting) -> Iterator[Row]:
    times = SHORT if setting.short else LONG
    with service(setting) as running:
        yield one_fault(setting, running, "Redis emptied", Service.empty_redis)
        if setting.short:
            return
        away = partial(redis_away, seconds=times.redis)
        yield one_fault(setting, running, f"Redis {times.redis:g} s away", away)
        if setting.database.server is not None:
            gone = partial(database_stopped, seconds=times.database)
            yield one_fault(setting, running, f"PostgreSQL stopped for {times.database:g} s", gone)
        stopped = partial(slot_stopped, seconds=times.slot)
        yield one_fault(setting, running, f"a slot stopped for {times.slot:g} s", stopped)
        killed = partial(stack_killed, seconds=times.stack)
        what = f"the stack killed, started {times.stack:g} s later"
        yield one_fault(setting, running, what, killed, starts_s=running.start_s)


@case("disk")
def disk(setting: Setting) -> Iterator[Row]:
    """On a small disk of its own, for database, Redis and logs."""
    seconds = (SHORT if setting.short else LONG).disk
    what = f"disk full for {seconds:g} s"
    if (why := why_no_small_disk()) is not None:
        yield setting.row(what, why, None)
        return
    with ExitStack() as stack:
        small = stack.enter_context(small_disk(setting.folder / "small", mib=600))
        place = small.folder / "case"
        place.mkdir(mode=0o755)
        database = _on(place, setting.database.kind, stack)
        moved = Setting(setting.name, database, place, setting.short, setting.size, setting.asleep)
        with service(moved) as running:
            yield one_fault(moved, running, what, partial(disk_full, small=small, seconds=seconds))


def _on(place: Path, kind: str, stack: ExitStack) -> Database:
    """A database whose rows lie there."""
    if kind == SQLITE:
        return new_sqlite(place)
    return stack.enter_context(postgres_server(place)).new_database()


def one_fault(setting: Setting, running: Service, what: str, fault: Fault, *, starts_s: float = 0.0) -> Row:
    """A search before, during and after it; stopped, and looked at. ``starts_s``: what a start of all
    processes takes here, where the fault has one."""
    search = running.service.submit_search(short_trials(what, MORE_THAN_END))
    running.pass_time(180, lambda: running.finishes(search.id) >= 5)
    setting.tell(f"{what}: now")
    before = running.finishes(search.id)
    fault(running)
    ended = time.monotonic()
    at_end: list[int] = []

    def moved() -> bool:
        """The first look that is answered after the fault says what it had at its end."""
        at_end.append(running.finishes(search.id))
        return at_end[-1] > at_end[0]

    running.pass_time(120, moved)
    first_s = time.monotonic() - ended
    running.pass_time(3)
    _stop(running, search.id)
    broken = broken_promises(running.store, search.id, trials=None)
    beside = f", a first start takes {starts_s:.1f} s" if starts_s else ""
    meanwhile = at_end[0] - before
    measured = f"first finish after {first_s:.1f} s{beside}; {meanwhile} meanwhile, {at_end[-1]} in all"
    return setting.row(
        f"{what}: nothing lost or doubled, replay equal, a finish within {WITHIN_S:g} s of its end"
        + (" and of the time of a start" if starts_s else ""),
        "; ".join([measured, *broken]),
        not broken and first_s <= WITHIN_S + starts_s,
    )


def _stop(running: Service, search_id: str) -> None:
    def stopped() -> bool:
        with suppress(Conflict):  # the state moved between reading and writing
            if running.store.searches.get(search_id).state is SearchState.RUNNING:
                running.service.apply_verb("stop", search_id)
        return running.store.searches.get(search_id).state.is_terminal

    running.pass_time(180, stopped)


def redis_away(running: Service, *, seconds: float) -> None:
    running.held_down.add("redis")
    running.kill("redis")
    running.pass_time(seconds)
    running.held_down.discard("redis")
    running.start("redis")


def database_stopped(running: Service, *, seconds: float) -> None:
    server = running.database.server
    assert server is not None
    server.stop()
    running.pass_time(seconds)
    server.start()


def slot_stopped(running: Service, *, seconds: float) -> None:
    """Not killed: it does nothing for so long, and then goes on as if no time had passed."""
    victim = running.processes_of("slot")[0]
    stopped = [victim, *victim.children(recursive=True)]
    for each in stopped:
        each.send_signal(signal.SIGSTOP)
    running.pass_time(seconds)
    for each in stopped:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGCONT)


def stack_killed(running: Service, *, seconds: float) -> None:
    running.held_down.update(running.programs)
    running.strike_all()
    running.pass_time(seconds)
    running.held_down.clear()
    running.start(*running.programs)


def disk_full(running: Service, *, small: SmallDisk, seconds: float) -> None:
    small.fill()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        running.pass_time(1)
        small.fill()  # what was freed meanwhile, by a log that was cut for instance
    small.free()
    if (server := running.database.server) is not None:
        server.start()  # as whoever looks after it would, where it gave up
