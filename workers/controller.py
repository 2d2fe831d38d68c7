"""The controller process: claims searches and evaluations, drives each, and sends the trials it decided.

``python -m workers.controller``. It holds nothing that is not in SQL: killed at any moment, the next
one goes on where it was. Several may run; a search is driven by the one that holds its claim. While the
database or Redis is away it waits and goes on.
"""

from __future__ import annotations

import os
import platform
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from backprop_evo.errors import BackpropEvoError, Conflict, NotFound, Unavailable
from backprop_evo.logs import configure_logs
from backprop_evo.records.stored import EvaluationRecord, SearchRecord
from backprop_evo.search.budget import LEAST_IN_FLIGHT, automatic_in_flight
from backprop_evo.search.lifecycle import DRIVEN
from backprop_evo.service.capacity import pause_stranded
from backprop_evo.service.driving import Progress, drive_once, give_up, read_again
from backprop_evo.settings import Settings, settings
from backprop_evo.store.base import Store
from backprop_evo.store.sql import open_store
from workers.app import make_app
from workers.dispatch import CeleryBroker, Dispatcher
from workers.heartbeat import utc_now

log = structlog.get_logger(__name__)

# A quarter of the default lease: after any pause a claim can still be renewed in time.
MAX_PAUSE_S = 15.0
SLOW_STEP_S = 0.2
"""A step that took longer is followed by a rest, in which the other searches have as much time each."""

EVENTS_AT_ONCE, TIDIED_EVERY = 2000, timedelta(hours=1)
"""A transaction that drops events takes milliseconds, however many are old."""

MAX_FAULTS = 8
"""In a row, in one search: then it fails with the reason, instead of being tried for ever."""


@dataclass(slots=True)
class Driven:
    """A search or an evaluation this controller holds. ``progress`` is None when it has to be rebuilt from
    rows."""

    search: SearchRecord | EvaluationRecord
    progress: Progress | None = None
    faults: int = 0
    rests_until: float = 0.0


@dataclass(slots=True)
class Controller:
    """Everything one controller process does, step by step; ``name`` is unique to the process."""

    store: Store
    dispatcher: Dispatcher
    options: Settings
    name: str
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    held: dict[str, Driven] = field(default_factory=dict)
    broker_is_away: bool = False
    more: bool = False
    next_look: datetime | None = None
    automatic: int = LEAST_IN_FLIGHT
    slots: int = 0
    next_tidying: datetime | None = None

    def step(self) -> None:
        """Claim, drive, send, reconcile: once; ``more`` says whether there is something left to decide at
        once.

        Raises ``Unavailable`` when the database is away.
        """
        self.more = False
        self._claim_what_is_free()
        self._look_at_nodes()
        # A copy: a search that is lost or ends leaves ``held`` in the loop.
        for driven in list(self.held.values()):
            with structlog.contextvars.bound_contextvars(search_id=driven.search.id):
                self._give_turn(driven)
        self._dispatch()
        self._forget_events()

    def release_claims(self) -> None:
        """Give every search back, so that another controller need not wait for the claims to run out."""
        for search_id in list(self.held):
            # The claim then runs out by itself.
            with suppress(Unavailable):
                self.store.searches.release_claim(search_id, self.name)
        self.held.clear()

    def _claim_what_is_free(self) -> None:
        while search := self.store.searches.claim(self.name, lease_s=self.options.lease_s, now=self.now()):
            log.info("search claimed", search_id=search.id, name=search.spec.name)
            self.held[search.id] = Driven(search)
        while found := self.store.evaluations.claim(self.name, lease_s=self.options.lease_s, now=self.now()):
            log.info("evaluation claimed", search_id=found.id, name=found.spec.name)
            self.held[found.id] = Driven(found)

    def _look_at_nodes(self) -> None:
        """Now and then: how many trials keep them busy, and which search none of them can train."""
        now = self.now()
        if self.next_look is not None and now < self.next_look:
            return
        self.next_look = now + timedelta(seconds=self.options.heartbeat_s)
        nodes = self.store.nodes.alive(seen_after=now - timedelta(seconds=self.options.lease_s))
        self.slots = sum(each.slots for each in nodes if each.quarantine is None)
        self.automatic = automatic_in_flight(self.slots)
        for driven in self.held.values():
            with suppress(Conflict, NotFound):
                driven.search = read_again(self.store, driven.search)
                if reason := pause_stranded(self.store, driven.search, nodes, now=now):
                    log.error("search paused", search_id=driven.search.id, reason=reason)

    def _forget_events(self) -> None:
        """Now and then: old events of what has ended, a few thousand at a time. Results stay."""
        now = self.now()
        if not self.options.event_days or (self.next_tidying is not None and now < self.next_tidying):
            return
        before = now - timedelta(days=self.options.event_days)
        dropped = self.store.events.forget(before=before, limit=EVENTS_AT_ONCE)
        self.next_tidying = now + (timedelta() if dropped == EVENTS_AT_ONCE else TIDIED_EVERY)
        if dropped:
            log.info("old events dropped", events=dropped, before=before.isoformat())

    def _give_turn(self, driven: Driven) -> None:
        """Drive it, unless its last step was so slow that the others have not had as much time since."""
        began = self.clock()
        if began < driven.rests_until:
            return
        wanted_more, self.more = self.more, False
        self._drive(driven)
        took_s = self.clock() - began
        if took_s > SLOW_STEP_S:
            others = max(0, len(self.held) - 1)
            # Never so long that its claim would run out.
            driven.rests_until = began + took_s + min(MAX_PAUSE_S, others * took_s)
            self.more &= not others
        self.more |= wanted_more

    def _drive(self, driven: Driven) -> None:
        try:
            if not self._still_ours(driven):
                return
            driven.progress, decisions = drive_once(
                self.store,
                driven.search,
                self.name,
                driven.progress,
                now=self.now(),
                automatic=self.automatic,
                slots=self.slots,
            )
            driven.faults = 0
            self.more |= decisions.more
            if decisions.end is not None:
                log.info("search ends", state=decisions.end.value, reason=decisions.reason)
        # Whether the last transaction was committed is unknown now: only the rows know.
        except Unavailable:
            driven.progress = None
            raise
        # Somebody paused, extended or took over the search between reading and writing; nothing was written.
        except Conflict as conflict:
            log.info("search changed meanwhile", reason=conflict.message)
            driven.progress = None
        except Exception as error:
            self._after_fault(driven, error)

    def _still_ours(self, driven: Driven) -> bool:
        """Renew the claim; drop a search that another controller took or that needs no decisions now."""
        search_id = driven.search.id
        if not self.store.searches.renew_claim(
            search_id, self.name, lease_s=self.options.lease_s, now=self.now()
        ):
            log.warning("claim lost")
            del self.held[search_id]
            return False
        driven.search = read_again(self.store, driven.search)
        if driven.search.state in DRIVEN:
            return True
        log.info("search rests", state=driven.search.state.value)
        self.store.searches.release_claim(search_id, self.name)
        del self.held[search_id]
        return False

    def _after_fault(self, driven: Driven, error: Exception) -> None:
        """One odd search must not stop the others: rebuild it from rows, and in the end let it fail."""
        driven.progress = None
        driven.faults += 1
        log.exception("fault while driving a search", faults=driven.faults)
        # Fewer could be a passing fault, such as memory that ran short.
        if driven.faults >= MAX_FAULTS:
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:500]
            with suppress(Conflict):
                give_up(self.store, driven.search, reason, now=self.now())

    def _dispatch(self) -> None:
        """Send what is queued. While Redis is away trials wait in SQL and searches are driven on."""
        try:
            self.dispatcher.send_new(now=self.now())
            self.dispatcher.reconcile(now=self.now())
        except Unavailable as error:
            # Once for each time it goes away, not at every step.
            if not self.broker_is_away:
                log.error("trials not sent", reason=error.message)
            self.broker_is_away = True
        else:
            if self.broker_is_away:
                log.info("trials are sent again")
            self.broker_is_away = False


def run(controller: Controller, stopping: threading.Event) -> None:
    """Step until ``stopping`` is set, with longer pauses while the database is away."""
    pause_s = controller.options.poll_s
    while not stopping.wait(pause_s):
        try:
            controller.step()
            # While there is more to decide a pause would leave workers idle.
            pause_s = 0.0 if controller.more else controller.options.poll_s
        except Unavailable as error:
            pause_s = min(MAX_PAUSE_S, max(0.5, pause_s * 2))
            log.error("database away", reason=error.message, again_in_s=pause_s)
        except Exception:
            pause_s = min(MAX_PAUSE_S, max(0.5, pause_s * 2))
            log.exception("fault in the controller", again_in_s=pause_s)


def main() -> int:
    """The exit code; runs until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        options = settings()
        configure_logs(options.log_format)
        store = open_store(options.resolved_database_url)
    except BackpropEvoError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return error.exit_code
    # The random part tells this process from an earlier one of the same id on the same host, whose claim may
    # still run.
    name = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(3)}"
    log.info("controller starts", controller=name)
    dispatcher = Dispatcher(store, CeleryBroker(make_app(options)), options)
    controller = Controller(store, dispatcher, options, name)
    try:
        run(controller, stopping)
    finally:
        controller.release_claims()
        store.close()
    log.info("controller stops", controller=name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
