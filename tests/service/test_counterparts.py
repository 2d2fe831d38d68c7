"""A counterpart asked for, driven beside its search, and compared."""

from dataclasses import replace

import pytest

from backprop_evo.errors import IllegalTransition, InvalidSettings, NotFound, PreconditionFailed
from backprop_evo.records.proposing import VocabularySpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Origin
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service import drive_once


def run_to_the_end(store, clock, train, *ids):
    """Both are driven by one controller, a training of each in turn."""
    progress = dict.fromkeys(ids)
    while not all(store.searches.get(each).state.is_terminal for each in ids):
        for noun in (store.searches, store.evaluations):
            while (found := noun.claim("c", lease_s=1e6, now=clock())) is not None:
                progress.setdefault(found.id, None)
        for each in list(progress):
            noun = store.evaluations if each.endswith("confirmation") else store.searches
            if not noun.get(each).state.is_terminal:
                progress[each], _ = drive_once(store, noun.get(each), "c", progress[each], now=clock())
                train(store, each, clock())


@pytest.fixture
def pair(service, small_spec):
    search = service.submit_search(small_spec(trials=8, start=("g / fro(g)",)), with_counterpart=True)
    return search, service.store.searches.get(search.counterpart)


def test_it_is_submitted_with_the_search(pair):
    search, beside = pair
    assert (beside.spec.strategy, beside.spec.seed, beside.trials_total) == ("random", search.spec.seed, 8)
    assert (beside.spec.start, beside.spec.start_random) == ((), 3)


def test_the_verb_orders_it_once_with_the_present_budget(service, store, small_spec):
    search = service.submit_search(small_spec())
    service.apply_verb("extend", search.id, {"trials": 6})
    beside = service.apply_verb("challenge", search.id)
    assert beside.trials_total == 10
    assert service.apply_verb("challenge", search.id) == beside
    assert len(store.searches.page().items) == 2


def test_the_verb_acts_on_the_version_that_was_seen(service, store, small_spec):
    search = service.submit_search(small_spec())
    with pytest.raises(PreconditionFailed):
        service.apply_verb("challenge", search.id, expected_version=search.version + 1)
    assert len(store.searches.page().items) == 1


def test_random_search_and_what_was_cancelled_have_none(service, store, small_spec):
    with pytest.raises(InvalidSettings, match="no counterpart"):
        service.submit_search(small_spec(strategy="random"), with_counterpart=True)
    assert store.searches.page().items == ()
    search = service.submit_search(small_spec())
    beside = service.apply_verb("challenge", search.id)
    with pytest.raises(InvalidSettings, match="no counterpart"):
        service.apply_verb("challenge", beside.id)
    other = service.submit_search(small_spec())
    service.apply_verb("cancel", other.id)
    with pytest.raises(IllegalTransition):
        service.apply_verb("challenge", other.id)


def test_one_that_lives_by_its_start_equations_is_refused_with_what_to_change(service, store, small_spec):
    lacking = VocabularySpec(operands=("h", "mean(dh)", "W"))
    spec = small_spec(vocabulary=lacking, start=("g * dh",))
    with pytest.raises(InvalidSettings, match="carries the error"):
        service.submit_search(spec, with_counterpart=True)
    assert store.searches.page().items == ()


def test_both_run_to_their_ends_and_replay(service, store, clock, train, pair):
    search, beside = pair
    run_to_the_end(store, clock, train, search.id, beside.id)
    for each in (store.searches.get(search.id), store.searches.get(beside.id)):
        assert (each.state, each.trials_done) == (SearchState.COMPLETED, 8)
        individuals, finishes = store.individuals.of(each.id), store.trials.finishes(each.id)
        assert replay(each.spec, SearchLanguage(each.spec), individuals, finishes) == tuple(individuals)
    origins = {each.origin for each in store.individuals.of(beside.id)}
    assert origins == {Origin.BASELINE, Origin.RANDOM}
    found = service.compare_searches(store.searches.get(search.id))
    assert (found.one.search_id, found.other.search_id) == (search.id, beside.id)
    assert (found.paired, found.n, found.compared_by) == (True, 2, "test")
    assert found.one.course.trainings == found.other.course.trainings == 8
    assert found.one.best is not None
    turned = service.compare_searches(store.searches.get(beside.id))
    assert turned.difference == pytest.approx(-found.difference)


def test_any_two_of_a_setting_are_compared(service, small_spec):
    one, other = service.submit_search(small_spec()), service.submit_search(small_spec(seed=4))
    found = service.compare_searches(one, other.id)
    assert found.sentence == "There is nothing to compare yet."
    elsewhere = service.submit_search(small_spec(train=TrainSpec(model="mlp-8")))
    with pytest.raises(InvalidSettings, match="one setting"):
        service.compare_searches(one, elsewhere.id)
    with pytest.raises(NotFound, match="nobody"):
        service.compare_searches(one, "nobody")


def test_without_a_counterpart_the_partner_has_to_be_named(service, small_spec):
    with pytest.raises(NotFound, match="has no counterpart") as refused:
        service.compare_searches(service.submit_search(small_spec()))
    assert "challenge" in (refused.value.hint or "")


def test_a_clone_has_no_counterpart_of_its_own(service, pair):
    search, beside = pair
    clone = service.apply_verb("clone", search.id)
    assert clone.counterpart is None
    assert service.apply_verb("clone", beside.id).spec == replace(beside.spec)
