"""Searches without news are left alone: a step's statements do not grow with what nothing happens in."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.search.brain import Decisions
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import GOOD, Clock, FakeBroker
from workers import quiet
from workers.controller import Controller
from workers.dispatch import Dispatcher
from workers.quiet import LOOKS_AT_ONCE, Look, with_news


@pytest.fixture
def controller(store: SqlStore, broker: FakeBroker, options: Settings, clock: Clock) -> Controller:
    held = Controller(store, Dispatcher(store, broker, options), options, "c", clock)
    held.clock = lambda: 0.0  # a busy machine makes no search rest
    return held


def submit(store: SqlStore, clock: Clock, number: int) -> list[str]:
    specs = [SearchSpec(name=f"{n}", trials=20, start_random=2) for n in range(number)]
    return [store.searches.add(spec, now=clock()).id for spec in specs]


def statements_of(store: SqlStore, controller: Controller) -> int:
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    engines = {store.database.writer, store.database.reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", counted)
    controller.step()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", counted)
    return count


def settle(controller: Controller) -> None:
    """Until all that can be decided is."""
    for _ in range(20):
        controller.step()
        if not controller.more and all(each.look and each.look.is_idle for each in controller.held.values()):
            return
    raise AssertionError("it never settles")


def test_a_step_without_news_makes_as_many_statements_for_one_search_as_for_forty(
    controller: Controller, store: SqlStore, clock: Clock
) -> None:
    submit(store, clock, 1)
    settle(controller)
    of_one = statements_of(store, controller)
    submit(store, clock, 39)
    settle(controller)
    assert len(controller.held) == 40
    assert statements_of(store, controller) <= of_one < 30


def test_a_trial_that_ends_is_news_at_the_next_step(
    controller: Controller, store: SqlStore, clock: Clock
) -> None:
    ids = submit(store, clock, 3)
    settle(controller)
    before = {each: store.individuals.count(each) for each in ids}
    trial = store.trials.open(ids[1])[0]
    lease = store.trials.claim(trial.id, "n/0", lease_s=60, now=clock())
    assert lease is not None
    assert store.trials.start(lease, now=clock())
    assert store.trials.finish(lease, GOOD, now=clock())
    controller.step()
    grown = {each: store.individuals.count(each) - before[each] for each in ids}
    assert grown[ids[1]] > 0
    assert [grown[each] for each in (ids[0], ids[2])] == [0, 0]


def test_what_people_ask_is_news_at_the_next_step(
    controller: Controller, store: SqlStore, clock: Clock
) -> None:
    (search_id,) = submit(store, clock, 1)
    settle(controller)
    store.searches.move(search_id, SearchState.PAUSED, now=clock())
    controller.step()
    assert search_id not in controller.held
    store.searches.move(search_id, SearchState.RUNNING, now=clock())
    controller.step()
    assert search_id in controller.held


def test_a_bigger_pool_is_news(controller: Controller, store: SqlStore, clock: Clock) -> None:
    (search_id,) = submit(store, clock, 1)
    settle(controller)
    before = len(store.trials.open(search_id))
    controller.automatic += 5
    controller.next_look = clock() + timedelta(hours=1)
    controller.step()
    assert len(store.trials.open(search_id)) > before


def test_no_claim_runs_out_however_long_nothing_happens(
    controller: Controller, store: SqlStore, clock: Clock, options: Settings
) -> None:
    ids = submit(store, clock, 3)
    settle(controller)
    for _ in range(int(3 * options.lease_s)):
        clock.move(1.0)
        controller.step()
        assert store.searches.claim("another", lease_s=60, now=clock()) is None
    assert set(controller.held) == set(ids)


def test_claims_are_renewed_in_time_however_many_are_held(clock: Clock) -> None:
    """Most wait for their turn; none for longer than a third of the lease."""
    now = clock()
    look = Look(now - timedelta(seconds=6), (1, 1), 4, is_idle=True)
    looks, marks = {f"{n:03}": look for n in range(500)}, {f"{n:03}": (1, 1) for n in range(500)}
    assert len(with_news(looks, marks, 4, now=now, lease_s=60)) == LOOKS_AT_ONCE
    assert len(with_news(looks, marks, 4, now=now + timedelta(seconds=15), lease_s=60)) == 500
    assert with_news(looks, marks, 4, now=look.at + timedelta(seconds=1), lease_s=60) == set()
    assert len(with_news(looks, marks, 5, now=now, lease_s=60)) == 500
    assert with_news({**looks, "new": None}, marks, 4, now=look.at, lease_s=60) == {"new"}


@pytest.mark.parametrize(
    "decided", [Decisions(more=True), Decisions(end=SearchState.COMPLETED), Decisions(finalists=("g",))]
)
def test_what_is_not_settled_is_driven_again(decided: Decisions, store: SqlStore, clock: Clock) -> None:
    search = store.searches.add(SearchSpec(name="x"), now=clock())
    assert quiet.is_idle(search, Decisions())
    assert not quiet.is_idle(search, decided)
    timed = store.searches.add(SearchSpec(name="x", budget=60.0), now=clock())
    assert not quiet.is_idle(timed, Decisions())
