"""Lives of controller processes: what was asked for is driven to its end, past deaths at any call."""

from __future__ import annotations

import sqlite3
import weakref

from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.service import drive_once


class CrashError(Exception):
    """The process died here."""


class CrashingStore:
    """Dies after the ``at``-th call, once. ``writing`` are the numbers of the calls that changed a row, where
    it may live: dying after any other leaves what dying after the one before it left, as the memory of a
    process dies with it."""

    def __init__(self, store, at=None):
        self._store, self._at = store, at
        self.names, self.writing = [], []
        watcher = sqlite3.connect(store.database.url.database, isolation_level=None)
        weakref.finalize(self, watcher.close)
        # Another number after every commit of somebody else that changed something.
        self._version = lambda: watcher.execute("PRAGMA data_version").fetchone()
        self._seen = self._version()

    def __getattr__(self, noun):
        return CrashingNoun(self, getattr(self._store, noun))

    @property
    def calls(self):
        return len(self.names)

    def count_call(self, name):
        self.names.append(name)
        if (version := self._version()) != self._seen:
            self._seen = version
            self.writing.append(self.calls)
        if self.calls == self._at:
            raise CrashError(f"after {name}")


class CrashingNoun:
    """One noun of a store; every call of it counts."""

    def __init__(self, store, noun):
        self._store, self._noun = store, noun

    def __getattr__(self, name):
        method = getattr(self._noun, name)

        def call(*arguments, **options):
            answer = method(*arguments, **options)
            self._store.count_call(name)
            return answer

        return call


def live(store, clock, controller, asked, train):
    """The life of one controller process, with a worker beside it, until what was asked for has ended or the
    process dies. ``asked`` says whether it has."""
    held = {}
    while not asked():
        for noun in (store.searches, store.evaluations):
            while (found := noun.claim(controller, lease_s=60, now=clock())) is not None:
                held[found.id] = [found, None]
        for driven in held.values():
            driven[1], _ = drive_once(store, driven[0], controller, driven[1], now=clock())
        for each in held:
            train(store, each, clock())


def run_to_the_end(store, clock, noun, asked_id, train, controllers=20):
    """One controller process after the other; a dead one's claims run out."""

    def has_ended():
        return getattr(store, noun).get(asked_id).state.is_terminal

    for number in range(controllers):
        try:
            live(store, clock, f"controller {number}", has_ended, train)
        except CrashError:
            clock.pass_by(61)
            store.trials.expire(now=clock(), policy=RetryPolicy(max_attempts=3))
        if has_ended():
            return
    raise AssertionError("it never ended")
