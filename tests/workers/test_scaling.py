"""Nodes do what is asked of them, take only what they may, fetch what is wanted; searches go on by
themselves."""

from collections.abc import Callable
from typing import Any

import pytest

from backprop_evo.errors import DatasetUnusable
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import TrainSpec
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import CONTROLLER, GOOD, Clock, FakeBroker, add_trials, fail, give, labelled
from workers.attempt import Attempts, Ending
from workers.controller import Controller
from workers.devices import Hardware, Slot
from workers.dispatch import WAITING_A_SLOT, Dispatcher
from workers.drain import Drain
from workers.health import fault_of
from workers.heartbeat import NodeHeartbeat
from workers.node import make_node

Beat = Callable[..., None]


@pytest.fixture
def beat(store: SqlStore, clock: Clock) -> Beat:
    def beat(name: str, **rest: Any) -> None:
        told = {"slots": 2, "devices": ("cpu",), "code_version": "0", "started_at": clock(), **rest}
        store.nodes.record_heartbeat(NodeRecord(name=name, seen_at=clock(), **told))

    return beat


@pytest.fixture
def controller(store: SqlStore, broker: FakeBroker, options: Settings, clock: Clock) -> Controller:
    return Controller(store, Dispatcher(store, broker, options), options, "c", clock)


def worker(store: SqlStore, options: Settings, clock: Clock, name: str, train: Any = None) -> Attempts:
    return Attempts(store, name, options, train or give(GOOD), Drain(), clock)


def test_a_slot_that_is_one_too_many_takes_nothing_at_once(
    store: SqlStore, options: Settings, clock: Clock, search: SearchRecord, beat: Beat
) -> None:
    beat("node")
    first, second, third = add_trials(store, search, 3, clock())
    store.nodes.ask("node", {"slots": 1}, now=clock())
    assert worker(store, options, clock, "node/7/1").run(first) is Ending.NOT_YET
    assert worker(store, options, clock, "node/7/0").run(first) is Ending.FINISHED
    store.nodes.ask("node", {"draining": True}, now=clock())
    assert worker(store, options, clock, "node/7/0").run(second) is Ending.NOT_YET
    store.nodes.ask("node", {"draining": False, "slots": None}, now=clock())
    assert worker(store, options, clock, "node/7/0").run(second) is Ending.FINISHED
    assert worker(store, options, clock, "node/7/1").run(third) is Ending.FINISHED


def test_only_nodes_with_all_labels_take_a_trial(
    store: SqlStore, options: Settings, clock: Clock, beat: Beat
) -> None:
    search = labelled(store, clock, ("a100", "big"))
    (trial,) = add_trials(store, search, 1, clock())
    beat("bare")
    beat("half", own_labels=("a100",))
    beat("whole", own_labels=("x", "a100", "big"))
    for name in ("bare/1/0", "half/1/0", "unknown/1/0"):
        assert worker(store, options, clock, name).run(trial) is Ending.NOT_YET
    store.nodes.ask("whole", {"labels": ()}, now=clock())
    assert worker(store, options, clock, "whole/1/0").run(trial) is Ending.NOT_YET
    store.nodes.ask("half", {"labels": ("big", "a100")}, now=clock())
    assert worker(store, options, clock, "half/1/0").run(trial) is Ending.FINISHED


def test_of_what_few_may_take_no_more_is_sent_than_for_them(
    store: SqlStore, options: Settings, clock: Clock, broker: FakeBroker, search: SearchRecord, beat: Beat
) -> None:
    beat("many", slots=20)
    beat("one", slots=1, own_labels=("a100",))
    asks = labelled(store, clock, ("a100",))
    restricted = set(add_trials(store, asks, 40, clock()))
    add_trials(store, search, 60, clock())
    dispatcher = Dispatcher(store, broker, options)
    dispatcher.send_new(now=clock())
    dispatcher.send_new(now=clock())
    assert len(restricted & set(broker.sent)) == WAITING_A_SLOT
    assert len(broker.sent) == WAITING_A_SLOT + 60


def test_what_no_node_could_train_goes_on_when_one_can(
    store: SqlStore, search: SearchRecord, clock: Clock, controller: Controller, beat: Beat
) -> None:
    store.searches.release_claim(search.id, CONTROLLER)
    beat("far", datasets=("mnist",))
    controller.step()
    assert store.searches.get(search.id).state is SearchState.PAUSED
    clock.move(20)
    beat("far", datasets=("mnist",))
    controller.step()
    assert store.searches.get(search.id).state is SearchState.PAUSED
    beat("near", datasets=("cifar10-mini",))
    clock.move(20)
    controller.step()
    assert store.searches.get(search.id).state is SearchState.RUNNING
    told = store.events.after(search_id=search.id)
    assert "near can train it" in [each.payload.get("reason") for each in told]


def test_what_somebody_paused_stays_paused(
    store: SqlStore, search: SearchRecord, clock: Clock, controller: Controller, beat: Beat
) -> None:
    store.searches.move(search.id, SearchState.PAUSED, now=clock())
    beat("near", datasets=("cifar10-mini",))
    clock.move(20)
    controller.step()
    assert store.searches.get(search.id).state is SearchState.PAUSED


def test_what_no_node_could_begin_is_tried_by_a_new_one_or_a_mended_one(
    store: SqlStore, search: SearchRecord, clock: Clock, options: Settings, controller: Controller, beat: Beat
) -> None:
    store.searches.release_claim(search.id, CONTROLLER)
    claimed = store.searches.claim(CONTROLLER, lease_s=10**6, now=clock())
    assert claimed is not None
    (trial,) = add_trials(store, search, 1, clock())
    began = clock()

    def fail_until_paused() -> None:
        for _ in range(9):
            beat("old", started_at=began)
            worker(store, options, clock, "old/1/0", fail(DatasetUnusable("torn"))).run(trial)
            clock.move(100)
            store.nodes.note_self_test("old", None, now=began)
            if store.searches.get(search.id).state is SearchState.PAUSED:
                return

    def state_after_a_look() -> SearchState:
        clock.move(20)
        controller.step()
        return store.searches.get(search.id).state

    fail_until_paused()
    assert store.searches.get(search.id).stranded == trial
    beat("old", started_at=began)
    assert state_after_a_look() is SearchState.PAUSED, "it has tried, and nothing changed"
    beat("old", started_at=clock())
    assert state_after_a_look() is SearchState.RUNNING, "it was started anew"
    fail_until_paused()
    beat("old", started_at=began)
    assert state_after_a_look() is SearchState.PAUSED
    store.nodes.count_fault("old", "why", quarantine_after=1)
    store.nodes.note_self_test("old", None, now=clock())
    clock.move(3600)
    beat("old", started_at=began)
    assert state_after_a_look() is SearchState.RUNNING, "it has tested itself well since"
    fail_until_paused()
    beat("old", started_at=began)
    beat("new", started_at=began)
    assert state_after_a_look() is SearchState.RUNNING, "another has not tried"


def test_a_node_that_is_silent_for_long_is_forgotten(
    store: SqlStore, clock: Clock, controller: Controller, options: Settings, beat: Beat
) -> None:
    beat("gone")
    clock.move(options.forget_node_s - 1)
    beat("here")
    controller.step()
    assert [each.name for each in store.nodes.all()] == ["gone", "here"]
    clock.move(20)
    controller.step()
    assert [each.name for each in store.nodes.all()] == ["here"]


def test_a_search_waits_for_a_node_that_fetches_and_is_paused_where_that_fails(
    store: SqlStore, clock: Clock, controller: Controller, beat: Beat
) -> None:
    store.searches.add(SearchSpec(name="wants", train=TrainSpec(data="mnist")), now=clock())
    (search,) = store.searches.page().items
    lacking = {"datasets": ("cifar10-mini",), "fetches": True}
    for fetch_faults, state in (
        ({}, SearchState.RUNNING),
        ({"mnist": "it could not be fetched: no route"}, SearchState.PAUSED),
        ({}, SearchState.PAUSED),
    ):
        beat("node", fetch_faults=fetch_faults, **lacking)
        clock.move(1)
        controller.next_look = None
        controller.step()
        assert store.searches.get(search.id).state is state
    assert "no route" in str(store.searches.get(search.id).end_reason)
    beat("node", datasets=("mnist",))
    controller.next_look = None
    controller.step()
    assert store.searches.get(search.id).state is SearchState.RUNNING


def test_a_heartbeat_tells_what_is_new_at_once_and_hears_the_wish(
    store: SqlStore, options: Settings, clock: Clock
) -> None:
    slow = options.model_copy(update={"heartbeat_s": 10.0, "labels": "cpu, rack.2"})
    heartbeat = NodeHeartbeat(store, "node", (Slot(0, None, 1),), slow, clock)
    assert heartbeat.wish_if_due(1.0).slots is None, "nothing was heard of it yet"
    heartbeat.send_if_due(1.0)
    heartbeat.note(slots=3, devices=("cpu",) * 3)
    heartbeat.send_if_due(1.1)
    found = store.nodes.find("node")
    assert found is not None
    assert (found.slots, found.labels) == (3, ("cpu", "rack.2"))
    store.nodes.ask("node", {"slots": 7}, now=clock())
    assert heartbeat.wish_if_due(1.5).slots is None
    assert heartbeat.wish_if_due(2.5).slots == 7


def test_a_node_begins_with_what_was_asked_of_it_before(
    store: SqlStore, options: Settings, beat: Beat, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        "workers.slot_pool.SlotPool.step",
        lambda _, plan, gives_back: plans.append((len(plan), gives_back)),
    )
    beat("node")
    store.nodes.ask("node", {"slots": 3, "gives_back": True}, now=clock())
    machine = Hardware(gpus=(), cores=2, memory=0)
    node = make_node(options.model_copy(update={"node_name": "node"}), store, machine)
    node.heartbeat.send_if_due(1.0)
    node.step(1.0)
    store.nodes.ask("node", {"draining": True, "gives_back": False}, now=clock())
    node.step(3.0)
    found = store.nodes.find("node")
    assert found is not None
    assert (plans, found.slots, found.devices) == ([(3, True), (0, False)], 0, ())
    store.nodes.ask("node", {"draining": False, "slots": None}, now=clock())
    node.step(5.0)
    assert plans[-1] == (1, False)
    node.stop()


def test_a_container_is_healthy_while_its_node_beats(
    store: SqlStore, options: Settings, clock: Clock, beat: Beat
) -> None:
    named = options.model_copy(update={"node_name": "node"})
    assert fault_of(store.nodes, named, clock()) == "node was never heard of"
    beat("node")
    clock.move(60)
    assert fault_of(store.nodes, named, clock()) is None
    clock.move(1)
    assert "last heard of at 00:00:00" in str(fault_of(store.nodes, named, clock()))
