"""Driving a search from rows: to the end, through crashes, past other controllers."""

from collections import Counter
from dataclasses import replace

import pytest

from backprop_evo.errors import Conflict, InvalidInput
from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import Purpose
from backprop_evo.records.selecting import Selection
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service import drive_once
from backprop_evo.store.codec import encode
from tests.service.lives import CrashingStore, live, run_to_the_end


def assert_whole(store, search_id, *, trials):
    """Exactly the budget, nothing twice, and every decision follows from the rows."""
    search = store.searches.get(search_id)
    rows = store.trials.page(search_id, limit=1000).items
    purposes = Counter(trial.purpose for trial in rows)
    assert search.state is SearchState.COMPLETED
    searched_again = purposes[Purpose.REMEASUREMENT]
    assert purposes[Purpose.SEARCH] + searched_again == search.trials_done == trials
    assert purposes[Purpose.BASELINE] == 1
    assert len(rows) == trials + 1
    searched = [trial.fingerprint for trial in rows if trial.purpose is Purpose.SEARCH]
    assert len(set(searched)) == trials - searched_again
    again = [(trial.fingerprint, trial.seed) for trial in rows if trial.purpose is Purpose.REMEASUREMENT]
    assert len(set(again)) == searched_again
    assert {fingerprint for fingerprint, _ in again} <= set(searched)
    assert not {seed for _, seed in again} & {t.seed for t in rows if t.purpose is Purpose.SEARCH}
    finishes = store.trials.finishes(search_id)
    assert [each.finish_order for each in finishes] == list(range(1, len(rows) + 1))
    individuals = store.individuals.of(search_id)
    assert replay(search.spec, SearchLanguage(search.spec), individuals, finishes) == tuple(individuals)
    assert_confirmed_once(store, search)


def assert_confirmed_once(store, search):
    """One evaluation, every training of it once, and no seed that the search has used."""
    (confirmation,) = store.evaluations.of_search(search.id)
    spec = confirmation.spec
    assert (confirmation.state, confirmation.role) == (SearchState.COMPLETED, Role.CONFIRMATION)
    trials = store.trials.page(confirmation.id, limit=1000).items
    trained = Counter((trial.individual, trial.seed) for trial in trials)
    measured = replace(search.spec.train, evaluate_test=True, validation_part="finalists")
    seeds = range(spec.first_seed, spec.first_seed + search.spec.confirmation.seeds)
    assert trained == Counter((row, seed) for row in range(len(spec.rows)) for seed in seeds)
    assert {trial.spec for trial in trials} == {measured}
    assert {trial.seed for trial in store.trials.page(search.id, limit=1000).items}.isdisjoint(seeds)
    confirmed = [row for row in store.leaderboard.page(search.id, limit=500).items if row.confirmed]
    assert {row.fingerprint for row in confirmed} == {trial.fingerprint for trial in trials}
    assert {row.validation.n for row in confirmed} == {search.spec.confirmation.seeds}


def test_a_search_runs_to_its_end(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(start=("g", "g / fro(g)")))
    run_to_the_end(store, clock, "searches", search.id, train)
    assert_whole(store, search.id, trials=4)
    best, *_ = store.leaderboard.page(search.id).items
    assert best.confirmed
    assert best.test is not None


@pytest.mark.slow
def test_a_controller_may_die_at_every_call(store, clock, service, small_spec, train):
    """Dying after one call and before the next leaves the same rows, so one of both is tried, and only where
    a call changed rows. The calls are those of the search and of the evaluation that it orders."""

    def searched(at):
        confirmation = Confirmation(best=1, seeds=1)
        search = service.submit_search(small_spec(trials=2, in_flight=2, confirmation=confirmation))
        crashing = CrashingStore(store, at)
        run_to_the_end(crashing, clock, "searches", search.id, train)
        assert_whole(store, search.id, trials=2)
        return crashing

    alive = searched(at=None)
    assert alive.calls > 60
    assert len(alive.writing) > 30
    for at in alive.writing:
        searched(at)


@pytest.mark.slow
def test_a_controller_may_die_while_the_best_are_measured_again(store, clock, service, small_spec, train):
    """After each of the calls around a remeasurement, and some of the others."""

    def searched(at):
        selection, confirmation = Selection(remeasured=0.4, max_measurements=3), Confirmation(best=0)
        options = {"trials": 6, "in_flight": 2, "selection": selection, "confirmation": confirmation}
        search = service.submit_search(small_spec(**options))
        crashing = CrashingStore(store, at)
        run_to_the_end(crashing, clock, "searches", search.id, train)
        again = store.trials.page(search.id, choice=TrialChoice(purpose=Purpose.REMEASUREMENT)).items
        assert len(again) == 2
        finishes, individuals = store.trials.finishes(search.id), store.individuals.of(search.id)
        assert replay(search.spec, SearchLanguage(search.spec), individuals, finishes) == tuple(individuals)
        assert store.searches.get(search.id).trials_done == 6
        return crashing.calls

    calls = searched(at=None)
    for at in range(calls // 3, calls, 3):
        searched(at)


def test_a_crash_after_every_decision_was_stored_sends_nothing_twice(
    store, clock, service, small_spec, train
):
    search = service.submit_search(small_spec())
    while not store.searches.get(search.id).state.is_terminal:
        for noun in (store.searches, store.evaluations):
            if claimed := noun.claim("c", lease_s=60, now=clock()):
                drive_once(store, claimed, "c", None, now=clock())
                noun.release_claim(claimed.id, "c")
                train(store, claimed.id, clock())
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
    run_to_the_end(store, clock, "searches", search.id, train)
    service.apply_verb("extend", search.id, {"trials": 3})
    run_to_the_end(store, clock, "searches", search.id, train)
    assert store.searches.get(search.id).trials_done == 5


def test_an_extended_search_adds_its_new_finalists_to_its_confirmation(
    store, clock, service, small_spec, train
):
    search = service.submit_search(small_spec(trials=2, start=("g",)))
    run_to_the_end(store, clock, "searches", search.id, train)
    (before,) = store.evaluations.of_search(search.id)
    service.apply_verb("extend", search.id, {"trials": 12})
    run_to_the_end(store, clock, "searches", search.id, train)
    (after,) = store.evaluations.of_search(search.id)
    assert_whole(store, search.id, trials=14)
    assert len(after.spec.rows) > len(before.spec.rows)
    assert after.spec.rows[: len(before.spec.rows)] == before.spec.rows
    best = next(row for row in store.leaderboard.page(search.id).items if row.search_fitness is not None)
    assert best.confirmed
    trained = [trial.method for trial in store.trials.finished(after.id)]
    assert len(trained) == 2 * len(after.spec.rows) == after.trials_total


@pytest.mark.parametrize("verb", ["pause", "stop", "cancel"])
def test_what_is_asked_of_a_confirming_search_is_asked_of_its_confirmation(
    store, clock, service, small_spec, train, verb
):
    search = service.submit_search(small_spec(trials=2))

    def is_confirming():
        return bool(store.evaluations.of_search(search.id))

    live(store, clock, "c", is_confirming, train)
    service.apply_verb(verb, search.id)
    (confirmation,) = store.evaluations.of_search(search.id)
    asked = store.searches.get(search.id)
    assert confirmation.state is asked.state
    if verb == "cancel":
        return
    if verb == "pause":
        assert service.apply_verb("resume", search.id).state is SearchState.RUNNING
        assert store.evaluations.get(confirmation.id).state is SearchState.RUNNING
    clock.pass_by(61)
    run_to_the_end(store, clock, "searches", search.id, train)
    ended = store.searches.get(search.id)
    if verb == "pause":
        assert_whole(store, search.id, trials=2)
        return
    assert (ended.state, ended.end_reason) == (SearchState.STOPPED, "the confirmation was stopped")
    service.apply_verb("extend", search.id, {"trials": 1})
    run_to_the_end(store, clock, "searches", search.id, train)
    assert_whole(store, search.id, trials=3)


def test_a_search_whose_confirmation_was_cancelled_ends_and_says_so(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(trials=2))
    live(store, clock, "c", lambda: bool(store.evaluations.of_search(search.id)), train)
    (confirmation,) = store.evaluations.of_search(search.id)
    service.apply_verb_to_evaluation("cancel", confirmation.id)
    clock.pass_by(61)
    run_to_the_end(store, clock, "searches", search.id, train)
    ended = store.searches.get(search.id)
    assert (ended.state, ended.end_reason) == (SearchState.COMPLETED, "the confirmation was cancelled")
    assert not any(row.confirmed for row in store.leaderboard.page(search.id).items)


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
