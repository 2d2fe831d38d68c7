"""Driving a search from rows: to the end, through crashes, past other controllers."""

from collections import Counter

import pytest

from backprop_evo.errors import Conflict, InvalidInput
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import SearchState
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service import drive_once
from backprop_evo.store.codec import encode


class CrashError(Exception):
    """The process died here."""


class CrashingStore:
    """Dies after the ``at``-th call, once."""

    def __init__(self, store, at=None):
        self._store, self._at = store, at
        self.calls = 0

    def __getattr__(self, noun):
        return CrashingNoun(self, getattr(self._store, noun))

    def count_call(self, name):
        self.calls += 1
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


def live(store, clock, controller, search_id, train):
    """The life of one controller process, with a worker beside it, until the search ended or the process
    dies."""
    search = store.searches.claim(controller, lease_s=60, now=clock())
    if search is None or search.id != search_id:
        return
    progress = None
    while not store.searches.get(search_id).state.is_terminal:
        progress, _ = drive_once(store, search, controller, progress, now=clock())
        train(store, search_id, clock())


def run_to_the_end(store, clock, search_id, train, controllers=20):
    """One controller process after the other; a dead one's claim runs out."""
    for number in range(controllers):
        try:
            live(store, clock, f"controller {number}", search_id, train)
        except CrashError:
            clock.pass_by(61)
            store.trials.expire(now=clock(), policy=RetryPolicy(max_attempts=3))
        if store.searches.get(search_id).state.is_terminal:
            return
    raise AssertionError("the search never ended")


def assert_whole(store, search_id, *, trials):
    """Exactly the budget, nothing twice, and every decision follows from the rows."""
    search = store.searches.get(search_id)
    rows = store.trials.page(search_id, limit=1000).items
    purposes = Counter(trial.purpose for trial in rows)
    assert search.state is SearchState.COMPLETED
    assert purposes[Purpose.SEARCH] == search.trials_done == trials
    assert purposes[Purpose.BASELINE] == 1
    confirmed = len(rows) - trials - 1
    assert confirmed in (2 * search.spec.confirmation.seeds, search.spec.confirmation.seeds)
    searched = [trial.fingerprint for trial in rows if trial.purpose is Purpose.SEARCH]
    assert len(set(searched)) == trials
    finishes = store.trials.finishes(search_id)
    assert [each.finish_order for each in finishes] == list(range(1, len(rows) + 1))
    individuals = store.individuals.of(search_id)
    assert replay(search.spec, SearchLanguage(search.spec), individuals, finishes) == tuple(individuals)


def test_a_search_runs_to_its_end(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(start=("g", "g / fro(g)")))
    run_to_the_end(store, clock, search.id, train)
    assert_whole(store, search.id, trials=4)
    best, *_ = store.leaderboard.page(search.id).items
    assert best.confirmed
    assert best.test is not None


@pytest.mark.slow
def test_a_controller_may_die_at_every_call(store, clock, service, small_spec, train):
    """Dying after one call and before the next leaves the same rows, so one of both is tried."""

    def searched(at):
        search = service.submit_search(small_spec(trials=3, in_flight=2))
        crashing = CrashingStore(store, at)
        run_to_the_end(crashing, clock, search.id, train)
        assert_whole(store, search.id, trials=3)
        return crashing.calls

    calls = searched(at=None)
    assert calls > 30
    for at in range(1, calls):
        searched(at)


def test_a_crash_after_every_decision_was_stored_sends_nothing_twice(
    store, clock, service, small_spec, train
):
    search = service.submit_search(small_spec())
    while not store.searches.get(search.id).state.is_terminal:
        claimed = store.searches.claim("c", lease_s=60, now=clock())
        drive_once(store, claimed, "c", None, now=clock())
        store.searches.release_claim(search.id, "c")
        train(store, search.id, clock())
    assert_whole(store, search.id, trials=4)


def test_a_controller_whose_claim_was_taken_decides_nothing_more(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec())
    claimed = store.searches.claim("old", lease_s=60, now=clock())
    progress, _ = drive_once(store, claimed, "old", None, now=clock())
    clock.pass_by(61)
    assert store.searches.claim("new", lease_s=60, now=clock()) is not None
    train(store, search.id, clock())
    with pytest.raises(Conflict, match="driven by new"):
        drive_once(store, claimed, "old", progress, now=clock())
    assert drive_once(store, claimed, "new", None, now=clock())[1].trials


def test_pausing_resuming_and_stopping(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(trials=50, in_flight=3))
    claimed = store.searches.claim("c", lease_s=60, now=clock())
    progress, first = drive_once(store, claimed, "c", None, now=clock())
    assert len(first.trials) == 3
    service.apply_verb("pause", search.id)
    progress, decisions = drive_once(store, claimed, "c", progress, now=clock())
    assert decisions.is_empty
    assert not train(store, search.id, clock())
    service.apply_verb("resume", search.id)
    assert train(store, search.id, clock())
    service.apply_verb("stop", search.id)
    while train(store, search.id, clock()):
        progress, _ = drive_once(store, claimed, "c", progress, now=clock())
    assert store.searches.get(search.id).state is SearchState.STOPPED
    assert service.apply_verb("stop", search.id).state is SearchState.STOPPED
    assert store.searches.get(search.id).trials_done == 2


def test_an_extended_search_goes_on(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(trials=2, start=("g",)))
    run_to_the_end(store, clock, search.id, train)
    service.apply_verb("extend", search.id, {"trials": 3})
    run_to_the_end(store, clock, search.id, train)
    assert store.searches.get(search.id).trials_done == 5


def test_a_search_that_its_language_cannot_carry_out_fails_with_the_reason(
    store, clock, service, small_spec, train
):
    search = service.submit_search(small_spec(in_flight=1))
    broken = encode(small_spec(in_flight=1, start=("no_such_operand",)))
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE searches SET spec = ?", (broken,))
    claimed = store.searches.claim("c", lease_s=60, now=clock())
    drive_once(store, claimed, "c", None, now=clock())
    assert train(store, search.id, clock())
    with pytest.raises(InvalidInput, match="no_such_operand"):
        drive_once(store, claimed, "c", None, now=clock())
    failed = store.searches.get(search.id)
    assert failed.state is SearchState.FAILED
    assert "no_such_operand" in failed.failure


def test_a_search_whose_trials_all_failed_ends_as_failed_with_the_reason(store, clock, service, small_spec):
    search = service.submit_search(small_spec())
    search, progress = store.searches.claim("c", lease_s=60, now=clock()), None
    while not store.searches.get(search.id).state.is_terminal:
        progress, _ = drive_once(store, search, "c", progress, now=clock())
        for trial in store.trials.open(search.id):
            lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=clock())
            store.trials.release(lease, now=clock(), reason="fault: it fell over", retry=False)
    ended = store.searches.get(search.id)
    assert ended.state is SearchState.FAILED
    assert "fault: it fell over" in ended.failure
