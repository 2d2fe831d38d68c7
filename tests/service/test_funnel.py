"""Driving a search through all stages of its funnel: to the end, and through crashes."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.funnel import Confirmation, Finalists, Transfer
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from tests.service.lives import CrashingStore, live, run_to_the_end

FUNNEL = {
    "trials": 4,
    "start": ("g / fro(g)", "h * g"),
    "finalists": Finalists(best=3, seeds=2, epochs=3),
    "confirmation": Confirmation(best=2, seeds=2, controls="none"),
    "transfer": Transfer(best=1, seeds=2, settings=("other-model", "longer")),
}
SMALLEST = {
    "trials": 1,
    "start": ("h * g",),
    "finalists": Finalists(best=1, seeds=1),
    "confirmation": Confirmation(best=1, seeds=1, controls="none"),
    "transfer": Transfer(best=1, seeds=1, settings=("longer",)),
}


def stages(store, search):
    return store.evaluations.stages_of(search.id)


def assert_whole(store, search):
    """Every stage completed, all its trainings once, each on seeds and rows that follow from the one
    before."""
    ended, found = store.searches.get(search.id), stages(store, search)
    assert (ended.state, ended.end_reason) == (SearchState.COMPLETED, None)
    assert set(found) == set(Role)
    assert len(store.evaluations.of_search(search.id)) == len(Role)
    seeds = [{trial.seed for trial in store.trials.page(search.id, limit=1000).items}]
    for stage in found.values():
        trials = store.trials.page(stage.id, limit=1000).items
        trained = Counter((trial.individual, trial.spec, trial.seed) for trial in trials)
        assert stage.state is SearchState.COMPLETED
        assert set(trained.values()) == {1}
        assert len(trained) == stage.spec.trials
        seeds.append({trial.seed for trial in trials})
    assert all(one.isdisjoint(other) for one, other in combinations(seeds, 2))
    finalists, confirmed, transferred = (set(found[role].spec.methods) for role in Role)
    assert transferred < confirmed or transferred == confirmed
    assert confirmed <= finalists


def test_a_search_goes_through_all_of_them(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(**FUNNEL))
    run_to_the_end(store, clock, "searches", search.id, train)
    assert_whole(store, search)
    found = stages(store, search)
    assert [len(found[role].spec.methods) for role in Role] == [3, 2, 1]
    assert [found[role].spec.test for role in Role] == [False, True, True]
    assert {trial.spec.epochs for trial in store.trials.finished(f"{search.id}-finalists")} == {3}
    assert sum(row.confirmed for row in store.leaderboard.page(search.id).items) == 3


@pytest.mark.slow
def test_a_controller_may_die_at_every_call_since_the_first_stage_was_ordered(
    store, clock, service, small_spec, train
):
    """``test_driving`` has the calls before."""

    def searched(at):
        search = service.submit_search(small_spec(**SMALLEST))
        crashing = CrashingStore(store, at)
        run_to_the_end(crashing, clock, "searches", search.id, train)
        assert_whole(store, search)
        return crashing

    alive = searched(at=None)
    writing = {at: alive.names[at - 1] for at in alive.writing}
    assert set(writing.values()) == {"claim", "record", "order", "move", "start", "finish"}
    first = alive.names.index("order")
    since = [at for at in writing if at > first]
    assert len(since) > 30
    for at in since:
        searched(at)


def until(store, clock, search, role, train):
    """Live until the stage is there; then its controller dies."""
    live(store, clock, "c", lambda: role in stages(store, search), train)
    clock.pass_by(61)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("verb", ["pause", "stop", "cancel"])
def test_what_is_asked_of_the_search_is_asked_of_the_open_stage(
    store, clock, service, small_spec, train, role, verb
):
    search = service.submit_search(small_spec(**FUNNEL))
    until(store, clock, search, role, train)
    asked = service.apply_verb(verb, search.id)
    assert stages(store, search)[role].state is asked.state
    if verb == "cancel":
        return
    if verb == "pause":
        service.apply_verb("resume", search.id)
        run_to_the_end(store, clock, "searches", search.id, train)
        assert_whole(store, search)
        return
    run_to_the_end(store, clock, "searches", search.id, train)
    assert store.searches.get(search.id).state is SearchState.STOPPED
    assert stages(store, search)[role].state is SearchState.STOPPED
    service.apply_verb("extend", search.id, {"trials": 1})
    run_to_the_end(store, clock, "searches", search.id, train)
    ended = store.searches.get(search.id)
    assert (ended.state, ended.end_reason, set(stages(store, search))) == ("completed", None, set(Role))


def test_an_extended_search_sends_its_new_best_through_the_stages_that_had_ended(
    store, clock, service, small_spec, train
):
    search = service.submit_search(small_spec(**FUNNEL))
    run_to_the_end(store, clock, "searches", search.id, train)
    before = stages(store, search)
    service.apply_verb("extend", search.id, {"trials": 25})
    run_to_the_end(store, clock, "searches", search.id, train)
    after = stages(store, search)
    assert len(after[Role.FINALISTS].spec.rows) > len(before[Role.FINALISTS].spec.rows)
    assert_whole(store, search)
    for role in Role:
        rows = before[role].spec.rows
        assert after[role].spec.rows[: len(rows)] == rows


@pytest.mark.parametrize(
    ("role", "says"),
    [
        (Role.FINALISTS, "the choice of finalists was cancelled"),
        (Role.CONFIRMATION, "the confirmation was cancelled"),
        (Role.TRANSFER, "the transfer was cancelled"),
    ],
)
def test_a_stage_that_was_cancelled_ends_the_search_which_says_so(
    store, clock, service, small_spec, train, role, says
):
    search = service.submit_search(small_spec(**FUNNEL))
    until(store, clock, search, role, train)
    service.apply_verb_to_evaluation("cancel", stages(store, search)[role].id)
    run_to_the_end(store, clock, "searches", search.id, train)
    ended = store.searches.get(search.id)
    assert (ended.state, ended.end_reason) == (SearchState.COMPLETED, says)
    assert list(Role).index(role) + 1 == len(stages(store, search))


def test_a_search_whose_finalists_all_failed_ends_and_says_so(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(**FUNNEL))

    def train_or_fail(store, driven_id, now):
        if not driven_id.endswith("finalists"):
            return train(store, driven_id, now)
        for trial in store.trials.open(driven_id):
            if trial.individual > 0:
                lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=now)
                return store.trials.release(lease, now=now, reason="fault: it fell", retry=False)
        return train(store, driven_id, now)

    run_to_the_end(store, clock, "searches", search.id, train_or_fail)
    ended = store.searches.get(search.id)
    assert ended.state is SearchState.COMPLETED
    assert ended.end_reason == "no equation completed all its trainings in the choice of finalists"
    assert set(stages(store, search)) == {Role.FINALISTS}


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"confirmation": Confirmation(test=False)}, "confirmation.test", "only the test split has not"),
        ({"confirmation": Confirmation(best=0)}, "transfer.best", "only what was confirmed"),
        ({"transfer": Transfer(best=1, epochs=9_000, settings=("longer",))}, "transfer", "epochs"),
    ],
)
def test_a_funnel_that_cannot_be_is_refused_before_anything_is_trained(
    service, small_spec, changes, field, says
):
    with pytest.raises(InvalidSettings, match=says) as refused:
        service.submit_search(replace(small_spec(**FUNNEL), **changes))
    assert refused.value.field == field


@pytest.mark.parametrize("settings", [(), ("longer", "longer"), ("nowhere",)])
def test_settings_elsewhere_are_known_and_named_once(settings):
    with pytest.raises(InvalidSettings, match="each once"):
        SearchSpec(name="x", transfer=Transfer(settings=settings))
