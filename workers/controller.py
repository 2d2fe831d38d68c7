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

from backprop_evo import telemetry
from backprop_evo.errors import BackpropEvoError, Conflict, NotFound, Unavailable
from backprop_evo.logs import configure_logs
from backprop_evo.records.stored import EvaluationRecord, SearchRecord
from backprop_evo.search.budget import LEAST_IN_FLIGHT, automatic_in_flight
from backprop_evo.search.lifecycle import DRIVEN
from backprop_evo.service.capacity import pause_stranded, resume_stranded
from backprop_evo.service.driving import Progress, drive_once, give_up, read_again
from backprop_evo.settings import Settings, settings
from backprop_evo.store.base import Store
from backprop_evo.store.sql import open_store
from workers import webhooks
from workers.app import make_app
from workers.dispatch import CeleryBroker, Dispatcher
from workers.heartbeat import utc_now
from workers.housekeeping import Housekeeping
from workers.quiet import Look, Mark, is_idle, marks_of, with_news

log = structlog.get_logger(__name__)

# A quarter of the default lease: after any pause a claim can still be renewed in time.
MAX_PAUSE_S = 15.0
#: Between two looks at a database that is away, at most: what waits goes on soon after it is back.
AWAY_PAUSE_S = 4.0
SLOW_STEP_S = 0.2
"""A step that took longer is followed by a rest, in which the other searches have as much time each."""


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
    look: Look | None = None


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
    marks: dict[str, Mark] = field(default_factory=dict)
    next_look: datetime | None = None
    automatic: int = LEAST_IN_FLIGHT
    slots: int = 0
    housekeeping: Housekeeping = field(init=False)

    def __post_init__(self) -> None:
        self.housekeeping = Housekeeping(self.store, self.options, self.name)

    def step(self) -> None:
        """Claim, drive, send, reconcile: once; ``more`` says whether there is something left to decide at
        once.

        Raises ``Unavailable`` when the database is away.
        """
        self.more = False
        began = self.clock()
        self._claim_what_is_free()
        self._look_at_nodes()
        for driven in self._with_news():
            with structlog.contextvars.bound_contextvars(search_id=driven.search.id):
                self._give_turn(driven)
        self._dispatch()
        self.housekeeping.after_step(self.clock() - began, now=self.now())

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
        """Now and then: how many trials keep them busy, which search none of them can train, which one can
        again; and nodes that are gone for good."""
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
        paused: list[SearchRecord | EvaluationRecord] = [*self.store.searches.stranded()]
        for stranded in (*paused, *self.store.evaluations.stranded()):
            with suppress(Conflict):
                if reason := resume_stranded(self.store, stranded, nodes, now=now):
                    log.info("search goes on", search_id=stranded.id, reason=reason)
        if gone := self.store.nodes.forget(seen_before=now - timedelta(seconds=self.options.forget_node_s)):
            log.info("nodes forgotten", nodes=list(gone))

    def _with_news(self) -> list[Driven]:
        """Those that may decide something; what is lost or ends leaves ``held`` while they are driven."""
        self.marks = marks_of(self.store, [each.search for each in self.held.values()])
        looks = {search_id: each.look for search_id, each in self.held.items()}
        chosen = with_news(looks, self.marks, self.automatic, now=self.now(), lease_s=self.options.lease_s)
        return [each for search_id, each in self.held.items() if search_id in chosen]

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
            driven.look = None
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
            mark = self.marks.get(driven.search.id, (0, 0))
            driven.look = Look(self.now(), mark, self.automatic, is_idle(driven.search, decisions))
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
            pause_s = min(AWAY_PAUSE_S, max(0.5, pause_s * 2))
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
        telemetry.begin("controller")
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
    sender = webhooks.Sender(webhooks=store.webhooks, allow_private=options.webhook_private_addresses)
    telling = webhooks.start(sender, stopping)
    try:
        run(controller, stopping)
    finally:
        stopping.set()
        controller.release_claims()
        # What is under way then is sent again by the next one.
        telling.join(1.0)
        store.close()
    log.info("controller stops", controller=name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
