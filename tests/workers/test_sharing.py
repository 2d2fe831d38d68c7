"""Searches share the slots by priority, whatever each has queued and whoever came first."""

from collections import Counter

import pytest

from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import CONTROLLER, GOOD, Clock, FakeBroker, add_trials
from workers.dispatch import LEAST_WAITING, WAITING_A_SLOT, Dispatcher

SLOTS = 12


class Pool:
    """Slots that take what the broker has, one after the other, and train each trial for a second."""

    def __init__(self, store: SqlStore, broker: FakeBroker, options: Settings, clock: Clock) -> None:
        self.store, self.broker, self.clock = store, broker, clock
        self.dispatcher = Dispatcher(store, broker, options)
        self.trained: Counter[str] = Counter()

    def search(self, name: str, trials: int, priority: int = 1) -> str:
        self.store.searches.add(SearchSpec(name=name, priority=priority), now=self.clock())
        found = self.store.searches.claim(CONTROLLER, lease_s=10**6, now=self.clock())
        assert found is not None
        add_trials(self.store, found, trials, self.clock())
        self.clock.move(0.001)
        return found.id

    def run(self, seconds: int) -> None:
        trials = self.store.trials
        for _ in range(seconds):
            node = {"slots": SLOTS, "devices": ("cpu",), "code_version": "0", "started_at": self.clock()}
            self.store.nodes.record_heartbeat(NodeRecord(name="node", seen_at=self.clock(), **node))  # type: ignore[arg-type]
            self.dispatcher.send_new(now=self.clock())
            leases = []
            while self.broker.sent and len(leases) < SLOTS:
                lease = trials.claim(self.broker.sent.pop(0), "node/0", lease_s=600, now=self.clock())
                leases += [lease] if lease is not None else []
            self.dispatcher.send_new(now=self.clock())
            self.clock.move(1)
            for lease in leases:
                assert trials.finish(lease, GOOD, now=self.clock())
                self.trained[trials.get(lease.trial_id).search_id] += 1


@pytest.fixture
def pool(store: SqlStore, broker: FakeBroker, options: Settings, clock: Clock) -> Pool:
    return Pool(store, broker, options, clock)


@pytest.mark.slow
def test_three_searches_of_very_different_sizes_have_their_shares(pool: Pool) -> None:
    huge, large, small = pool.search("huge", 20_000), pool.search("large", 1000), pool.search("small", 10)
    pool.run(5)
    assert pool.trained[small] == 10, "a small one is done as soon as its share allows"
    pool.trained.clear()
    pool.run(25)
    assert sum(pool.trained.values()) == 25 * SLOTS, "no slot was idle"
    for search_id in (huge, large):
        assert pool.trained[search_id] == pytest.approx(25 * SLOTS / 2, rel=0.1)


def test_a_search_that_comes_later_waits_for_no_more_than_is_on_its_way(pool: Pool) -> None:
    pool.search("first", 500)
    pool.run(3)
    later = pool.search("later", 500)
    rounds = 1 + max(LEAST_WAITING, WAITING_A_SLOT * SLOTS) // SLOTS
    pool.run(rounds)
    pool.trained.clear()
    pool.run(10)
    assert pool.trained[later] >= 10 * SLOTS / 2 * 0.9


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 2), (5, 1)])
def test_slots_are_shared_by_priority(pool: Pool, first: int, second: int) -> None:
    a, b = pool.search("a", 400, first), pool.search("b", 400, second)
    pool.run(20)
    assert pool.trained[a] + pool.trained[b] == 20 * SLOTS
    assert pool.trained[a] == pytest.approx(20 * SLOTS * first / (first + second), rel=0.1)


def test_what_one_search_leaves_others_have(pool: Pool) -> None:
    a = pool.search("a", 30, 100)
    b = pool.search("b", 400)
    pool.run(10)
    assert pool.trained == {a: 30, b: 10 * SLOTS - 30}


def test_no_more_messages_wait_than_the_slots_need(pool: Pool) -> None:
    pool.search("a", 500)
    pool.dispatcher.send_new(now=pool.clock())
    assert len(pool.broker.sent) == LEAST_WAITING
    pool.run(1)
    for _ in range(5):
        pool.dispatcher.send_new(now=pool.clock())
        assert len(pool.broker.sent) <= WAITING_A_SLOT * SLOTS


def test_what_was_never_sent_is_no_lost_message(pool: Pool, clock: Clock) -> None:
    pool.search("a", 500)
    pool.dispatcher.send_new(now=clock())
    clock.move(100)
    assert pool.dispatcher.reconcile(now=clock()) == 0
    pool.broker.sent.clear()
    clock.move(100)
    assert pool.dispatcher.reconcile(now=clock()) == LEAST_WAITING
