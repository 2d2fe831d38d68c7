"""The stages of a search's funnel: each ordered once, told of, moved with the search."""

import pytest

from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from backprop_evo.search.lifecycle import VERBS
from tests.contracts.confirming import SPEC, confirm, measured, order


@pytest.fixture
def search(scene):
    return measured(scene)


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (Role.FINALISTS, "search.narrowing"),
        (Role.CONFIRMATION, "search.confirming"),
        (Role.TRANSFER, "search.transferring"),
    ],
)
def test_each_is_ordered_once_and_tells_its_search_of_every_training(scene, search, role, told):
    ordered = order(scene, search, role=role)
    assert order(scene, search, role=role) == ordered
    assert scene.store.evaluations.stages_of(search.id) == {role: ordered}
    assert ordered.is_stage
    confirm(scene, ordered, 1, (0.5, 0.4), (0.6, 0.45))
    events = [each for each in scene.store.events.after(search_id=search.id) if each.kind == told]
    assert [each.payload["trials_done"] for each in events] == [0, 1, 2]
    assert {each.payload["evaluation"] for each in events} == {ordered.id}


@pytest.mark.parametrize("role", [Role.FINALISTS, Role.TRANSFER])
def test_only_the_confirmation_confirms(scene, search, role):
    before = scene.store.leaderboard.page(search.id).items
    confirm(scene, order(scene, search, role=role), 1, *[(0.9, 0.9)] * 3)
    assert scene.store.leaderboard.page(search.id).items == before


def test_a_transfer_that_somebody_asked_for_is_no_stage(scene, search):
    asked = scene.store.evaluations.add(SPEC, now=scene.now, search_id=search.id, role=Role.TRANSFER)
    stage = order(scene, search, role=Role.TRANSFER)
    assert scene.store.evaluations.stages_of(search.id) == {Role.TRANSFER: stage}
    assert (asked.is_stage, stage.is_stage) == (False, True)
    scene.store.searches.move(search.id, SearchState.CANCELLED, now=scene.now)
    states = [scene.store.evaluations.get(each.id).state for each in (asked, stage)]
    assert states == [SearchState.QUEUED, SearchState.CANCELLED]
    kinds = [each.kind for each in scene.store.events.after(search_id=search.id)]
    assert kinds.count("search.transferring") == 1


def test_what_is_asked_of_the_search_is_asked_of_those_that_are_open(scene, search):
    store = scene.store
    done, running = (order(scene, search, role=role) for role in (Role.FINALISTS, Role.CONFIRMATION))
    while store.evaluations.claim("c", lease_s=60, now=scene.now):
        pass
    store.evaluations.move(done.id, SearchState.COMPLETED, now=scene.now)

    def states():
        return [str(store.evaluations.get(each.id).state) for each in (done, running)]

    store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
    assert states() == ["completed", "paused"]
    store.searches.apply_verb(VERBS["resume"], search.id, now=scene.now)
    assert states() == ["completed", "running"]
    store.searches.move(search.id, SearchState.STOPPING, now=scene.now)
    assert states() == ["completed", "stopping"]
    store.evaluations.move(running.id, SearchState.STOPPED, now=scene.now)
    store.searches.move(search.id, SearchState.STOPPED, now=scene.now)
    store.searches.extend(search.id, trials=1, now=scene.now)
    assert states() == ["completed", "running"]
