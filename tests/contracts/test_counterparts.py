"""The contract of counterparts, over SQLite and PostgreSQL: ordered once, linked on both sides."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backprop_evo.errors import IllegalTransition, NotFound, PreconditionFailed
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.search.counterparts import counterpart_of

SPEC = SearchSpec(name="first", seed=7, trials=9, priority=3)
BESIDE = counterpart_of(SPEC, SPEC.trials)


@pytest.fixture
def searches(scene):
    return scene.store.searches


def test_a_search_may_come_with_its_counterpart(scene, searches):
    search = searches.add(SPEC, now=scene.now, counterpart=BESIDE)
    assert searches.get(search.id) == search
    beside = searches.get(search.counterpart)
    assert (beside.counterpart, beside.spec, beside.state) == (search.id, BESIDE, SearchState.QUEUED)
    assert beside.trials_total == search.trials_total
    assert len(searches.page().items) == 2


def test_a_search_alone_has_none(scene, searches):
    assert searches.add(SPEC, now=scene.now).counterpart is None


def test_ordering_links_both_and_tells_it(scene, searches):
    search = searches.add(SPEC, now=scene.now)
    beside = searches.order_counterpart(search.id, BESIDE, now=scene.now)
    after = searches.get(search.id)
    assert (after.counterpart, beside.counterpart) == (beside.id, search.id)
    assert after.version == search.version + 1, "whoever knows the search by its version sees the link"
    (told,) = [each for each in scene.store.events.after() if each.kind == "search.challenged"]
    assert (told.search_id, told.payload) == (search.id, {"counterpart": beside.id})
    assert scene.kinds(search_id=beside.id) == ["search.queued"]


def test_it_is_ordered_once(scene, searches):
    search = searches.add(SPEC, now=scene.now)
    first = searches.order_counterpart(search.id, BESIDE, now=scene.now)
    searches.move(search.id, SearchState.CANCELLED, now=scene.now)
    again = searches.order_counterpart(search.id, BESIDE, now=scene.later(9))
    assert again == first, "also when it could not be ordered any more"
    assert len(searches.page().items) == 2
    assert scene.kinds().count("search.challenged") == 1


def test_of_many_who_order_at_once_one_does(scene, searches):
    search = searches.add(SPEC, now=scene.now)
    with ThreadPoolExecutor(8) as pool:
        ordered = list(
            pool.map(lambda _: searches.order_counterpart(search.id, BESIDE, now=scene.now).id, range(8))
        )
    assert len(set(ordered)) == 1
    assert {each.id for each in searches.page().items} == {search.id, ordered[0]}


@pytest.mark.parametrize("state", [SearchState.CANCELLED, SearchState.FAILED])
def test_of_what_ended_for_good_nothing_is_ordered(scene, searches, state):
    search = scene.search()
    searches.move(search.id, state, now=scene.now)
    with pytest.raises(IllegalTransition, match="challenge"):
        searches.order_counterpart(search.id, BESIDE, now=scene.now)
    assert searches.get(search.id).counterpart is None
    assert len(searches.page().items) == 1


def test_a_version_that_moved_on_orders_nothing(scene, searches):
    search = searches.add(SPEC, now=scene.now)
    with pytest.raises(PreconditionFailed):
        searches.order_counterpart(search.id, BESIDE, now=scene.now, expected_version=search.version + 1)
    with pytest.raises(NotFound):
        searches.order_counterpart("nobody", BESIDE, now=scene.now)
    assert len(searches.page().items) == 1


def test_both_are_claimed_and_have_equal_shares(scene, searches):
    searches.add(SPEC, now=scene.now, counterpart=BESIDE)
    claimed = [searches.claim("c", lease_s=60, now=scene.now) for _ in range(2)]
    assert {each.spec.strategy for each in claimed} == {"evolution", "random"}
    for each in claimed:
        scene.trial(each)
    assert {share.priority for share in scene.store.queue.shares()} == {3}


def test_ends_come_in_finish_order_with_what_they_took(scene, searches):
    search = scene.search()
    trials = [scene.trial(search, purpose=Purpose.BASELINE), scene.trial(search), scene.trial(search)]
    scene.trial(search)  # still open
    scene.finish(trials[2], 0.25)
    scene.finish(trials[0], 0.5)
    scene.finish(trials[1], None)
    ends = searches.ends(search.id)
    assert [(each.individual, each.purpose, each.state) for each in ends] == [
        (2, Purpose.SEARCH, TrialState.COMPLETED),
        (0, Purpose.BASELINE, TrialState.COMPLETED),
        (1, Purpose.SEARCH, TrialState.DIVERGED),
    ]
    assert [each.validation_accuracy for each in ends] == [0.25, 0.5, None]
    assert [each.wall_time_s for each in ends] == [3.0, 3.0, 0.0]
    assert searches.ends("nobody") == []
