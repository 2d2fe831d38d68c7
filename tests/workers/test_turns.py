"""Searches take turns: one that is slow to drive costs the others no more than a step."""

from datetime import timedelta
from typing import Any

import pytest

import workers.controller
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.search.brain import Decisions
from backprop_evo.service import driving
from backprop_evo.settings import Settings
from backprop_evo.store.codec import encode
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import CONTROLLER, GOOD, Clock, FakeBroker
from workers.controller import Controller
from workers.dispatch import Dispatcher


@pytest.fixture
def controller(store: SqlStore, broker: FakeBroker, options: Settings, clock: Clock) -> Controller:
    return Controller(store, Dispatcher(store, broker, options), options, "c", clock)


def test_a_slow_search_has_no_more_time_than_each_other(
    controller: Controller, store: SqlStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [store.searches.add(SearchSpec(name=name), now=clock()).id for name in ("slow", "a", "b")]
    seconds, driven = [0.0], dict.fromkeys(ids, 0)

    def drive_once(_store: Any, search: Any, *_: Any, **__: Any) -> tuple[Any, Decisions]:
        driven[search.id] += 1
        seconds[0] += 3.0 if search.id == ids[0] else 0.01
        return None, Decisions(more=True)

    monkeypatch.setattr(workers.controller, "drive_once", drive_once)
    controller.clock = lambda: seconds[0]
    while seconds[0] < 300:
        controller.step()
        seconds[0] += 0.1
    slow, a, b = (driven[each] for each in ids)
    assert 20 < slow < 40
    assert min(a, b) > 1000
    assert controller.more


def test_a_slow_search_that_is_alone_is_driven_all_the_time(
    controller: Controller, store: SqlStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.searches.add(SearchSpec(name="slow"), now=clock())
    seconds, driven = [0.0], [0]

    def drive_once(*_: Any, **__: Any) -> tuple[Any, Decisions]:
        driven[0] += 1
        seconds[0] += 3.0
        return None, Decisions(more=True)

    monkeypatch.setattr(workers.controller, "drive_once", drive_once)
    controller.clock = lambda: seconds[0]
    for _ in range(10):
        controller.step()
    assert driven == [10]
    assert controller.more


def test_a_stored_spec_without_bounds_stops_nobody(
    controller: Controller, store: SqlStore, clock: Clock
) -> None:
    """As it may stand in a database from before there were limits."""
    spec = SearchSpec(name="poison", trials=1, start=("g",), confirmation=Confirmation(best=1, seeds=10**8))
    poison = store.searches.add(spec, now=clock())
    other = store.searches.add(SearchSpec(name="other", trials=2), now=clock())
    assert store.searches.get(poison.id).spec == spec, encode(spec)
    for _ in range(8):
        controller.step()
        for search_id in (poison.id, other.id):
            for trial in store.trials.open(search_id):
                lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=clock())
                assert lease is not None
                assert store.trials.finish(lease, GOOD, now=clock())
        clock.move(1)
    assert store.searches.get(other.id).trials_done == 2


def test_what_ended_meanwhile_is_heard_of_in_parts(
    store: SqlStore, search: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driving, "MAX_FINISHES_AT_ONCE", 4)
    progress, decisions = driving.drive_once(store, search, CONTROLLER, None, now=clock())
    assert not decisions.more
    individuals = store.individuals.of(search.id)
    for trial in store.trials.open(search.id):
        lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=clock())
        assert lease is not None
        assert store.trials.finish(lease, GOOD, now=clock() + timedelta(seconds=1))
    monkeypatch.setattr(driving, "MAX_FINISHES_AT_ONCE", 1)
    heard = []
    for _ in range(3):
        progress, decisions = driving.drive_once(store, search, CONTROLLER, progress, now=clock())
        heard.append((progress.finishes_known, decisions.more, bool(decisions.individuals)))
    assert heard[0] == (1, True, False)
    assert heard[1] == (2, True, False)
    assert heard[2] == (2, False, True)
    assert len(store.individuals.of(search.id)) > len(individuals)
    assert store.searches.get(search.id).state is SearchState.RUNNING
