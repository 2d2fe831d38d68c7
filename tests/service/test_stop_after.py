"""A search that is to stop after a time: from then on nothing is proposed, which is stored, and replays."""

import pytest

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.states import SearchState
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service import drive_once


def drive(store, clock, search_id, train, *, steps, each_s):
    """One controller that lives so many steps, in each of which a trial is trained and time passes."""
    search = store.searches.claim("c", lease_s=36_000, now=clock())
    progress = None
    for _ in range(steps):
        progress, _ = drive_once(store, search, "c", progress, now=clock())
        if store.searches.get(search_id).state.is_terminal:
            return
        train(store, search_id, clock())
        clock.pass_by(each_s)


def test_it_ends_in_order_when_its_time_is_over(store, clock, service, small_spec, train):
    spec = small_spec(trials=50, in_flight=2, stop_after=100.0, confirmation=Confirmation(best=0))
    search = service.submit_search(spec)
    drive(store, clock, search.id, train, steps=40, each_s=10)
    found = store.searches.get(search.id)
    assert found.state is SearchState.COMPLETED
    assert 5 < found.trials_done == found.trials_total < 15
    assert found.end_reason == (f"its time was over after {found.trials_total} of 50 trials (stop_after)")
    assert "search.shortened" in [each.kind for each in store.events.after(search_id=search.id)]
    individuals, finishes = store.individuals.of(search.id), store.trials.finishes(search.id)
    assert replay(spec, SearchLanguage(spec), individuals, finishes) == tuple(individuals)


def test_extending_it_asks_for_trials(store, clock, service, small_spec, train):
    spec = small_spec(trials=50, in_flight=2, stop_after=30.0, confirmation=Confirmation(best=0))
    search = service.submit_search(spec)
    drive(store, clock, search.id, train, steps=40, each_s=10)
    cut = store.searches.get(search.id)
    service.apply_verb("extend", search.id, {"trials": 3})
    drive(store, clock, search.id, train, steps=40, each_s=10)
    found = store.searches.get(search.id)
    assert (found.state, found.trials_done) == (SearchState.COMPLETED, cut.trials_total + 3)


@pytest.mark.parametrize("stop_after", [None, 1_000_000.0])
def test_before_its_time_it_is_as_any(store, clock, service, small_spec, train, stop_after):
    search = service.submit_search(small_spec(stop_after=stop_after, confirmation=Confirmation(best=0)))
    drive(store, clock, search.id, train, steps=40, each_s=10)
    found = store.searches.get(search.id)
    assert (found.state, found.trials_done, found.end_reason) == (SearchState.COMPLETED, 4, None)
