"""Steering a search that a controller drives: what people change is heard, stored, and replays."""

import pytest

from backprop_evo.errors import InvalidEquation, InvalidSettings
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Origin, Role
from backprop_evo.records.training import TrainResult
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service import drive_once
from tests.service.lives import run_to_the_end


def assert_replays(store, search_id):
    search = store.searches.get(search_id)
    individuals, finishes = store.individuals.of(search_id), store.trials.finishes(search_id)
    assert [each.finish_order for each in finishes] == list(range(1, len(finishes) + 1))
    assert replay(search.spec, SearchLanguage(search.spec), individuals, finishes) == tuple(individuals)


def fail(store, trial, now):
    lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=now)
    assert store.trials.start(lease, now=now)
    assert store.trials.finish(lease, TrainResult(outcome=TrialState.FAILED, reason="no data"), now=now)


def failing_first(train, count):
    """A worker on whose node the first so many trainings fail."""
    left = [count]

    def worker(store, search_id, now):
        if left[0] and (still_open := store.trials.open(search_id)):
            left[0] -= 1
            fail(store, still_open[0], now)
            return True
        return train(store, search_id, now)

    return worker


def test_every_trial_failed_and_the_search_is_taken_up_again(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(confirmation=Confirmation(best=0)))
    run_to_the_end(store, clock, "searches", search.id, failing_first(train, 100))
    assert store.searches.get(search.id).state is SearchState.FAILED
    failed = store.trials.page(search.id).items
    assert {each.state for each in failed} == {TrialState.FAILED}
    for each in failed:
        service.retry_trial(each.id)
    run_to_the_end(store, clock, "searches", search.id, train)
    found = store.searches.get(search.id)
    assert (found.state, found.trials_done, found.retries) == (SearchState.COMPLETED, 4, 5)
    assert store.leaderboard.baseline(search.id) is not None
    assert_replays(store, search.id)


def test_a_controller_that_lives_hears_of_a_retry_and_waits_for_it(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(trials=2, in_flight=4, confirmation=Confirmation(best=0)))
    search = store.searches.claim("c", lease_s=3600, now=clock())
    progress, decided = drive_once(store, search, "c", None, now=clock())
    first = decided.trials[0]
    assert first.purpose is Purpose.BASELINE
    fail(store, first, clock())
    progress, _ = drive_once(store, search, "c", progress, now=clock())
    service.retry_trial(first.id)
    while any(
        each.id != first.id and train(store, search.id, clock()) for each in store.trials.open(search.id)
    ):
        pass
    progress, decided = drive_once(store, search, "c", progress, now=clock())
    while train(store, search.id, clock()):
        progress, decided = drive_once(store, search, "c", progress, now=clock())
    progress, decided = drive_once(store, search, "c", progress, now=clock())
    assert store.searches.get(search.id).state is SearchState.COMPLETED
    assert store.trials.get(first.id).state is TrialState.COMPLETED
    assert_replays(store, search.id)


def test_equations_put_in_while_it_runs_are_tried_next_and_replay(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(trials=6, in_flight=2, start=("g", "g / fro(g)")))
    driven = store.searches.claim("c", lease_s=3600, now=clock())
    drive_once(store, driven, "c", None, now=clock())
    store.searches.release_claim(search.id, "c")
    put_in = {"equations": ["min(g / fro(g), clip(h, 1.0))", "g  *  dh", "g / fro(g)"]}
    changed = service.apply_verb("inject", search.id, put_in)
    assert changed.injections == 3
    assert "individual" not in store.injections.of(search.id)[0].outcome
    run_to_the_end(store, clock, "searches", search.id, train)
    injected = [each for each in store.individuals.of(search.id) if each.origin is Origin.INJECTED]
    assert injected[0].method.equation == "min(g / fro(g), clip(h, 1.0))"
    assert [each.number for each in injected] == [injected[0].number + place for place in range(3)]
    told = store.injections.of(search.id)
    assert [each.individual for each in told] == [each.number for each in injected]
    assert told[0].outcome == f"individual {injected[0].number}, completed"
    assert told[2].outcome.startswith("behaves as individual")
    assert store.searches.get(search.id).trials_done == 6
    assert_replays(store, search.id)


def test_a_controller_that_comes_later_puts_in_what_waits(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(trials=5))
    service.apply_verb("inject", search.id, {"equations": ["g / fro(g)"]})
    service.apply_verb("pause", search.id)
    service.apply_verb("inject", search.id, {"equations": ["clip(g, 1.0) * dh"]})
    service.apply_verb("resume", search.id)
    run_to_the_end(store, clock, "searches", search.id, train)
    assert [each.state for each in store.injections.of(search.id)] == [TrialState.COMPLETED] * 2
    assert_replays(store, search.id)


def test_a_failed_training_of_the_confirmation_is_tried_again_and_confirms(
    store, clock, service, small_spec, train
):
    search = service.submit_search(small_spec())
    failed = []

    def worker(store, driven_id, now):
        still_open = store.trials.open(driven_id)
        if "-confirmation" in driven_id and still_open and not failed:
            failed.append(still_open[0].id)
            fail(store, still_open[0], now)
            return True
        return train(store, driven_id, now)

    run_to_the_end(store, clock, "searches", search.id, worker)
    before = [row for row in store.leaderboard.page(search.id).items if row.confirmed]
    service.retry_trial(failed[0])
    confirmation = store.evaluations.stages_of(search.id)[Role.CONFIRMATION]
    assert confirmation.state is SearchState.RUNNING
    run_to_the_end(store, clock, "evaluations", confirmation.id, train)
    after = [row for row in store.leaderboard.page(search.id).items if row.confirmed]
    assert len(after) == len(before) + 1
    again = store.evaluations.get(confirmation.id)
    assert again.trials_done == again.trials_total
    assert store.searches.get(search.id).state is SearchState.COMPLETED


@pytest.mark.parametrize(
    ("equations", "field"),
    [
        ([], "equations"),
        ("g", "equations"),
        (["g"] * 201, "equations"),
        (["g" * 1001], "equations"),
        ([""], "equations"),
        ([3], "equations"),
        (["g\0"], "equations"),
    ],
)
def test_odd_equations_are_refused_by_name(service, small_spec, equations, field):
    search = service.submit_search(small_spec())
    with pytest.raises(InvalidSettings) as refused:
        service.apply_verb("inject", search.id, {"equations": equations})
    assert refused.value.field == field
    with pytest.raises(InvalidEquation, match=r"equations\[1\]: "):
        service.apply_verb("inject", search.id, {"equations": ["g", "g +* h"]})
    assert service.store.injections.of(search.id) == []
