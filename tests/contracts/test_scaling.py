"""The contract of what is asked of nodes and of the pool, over SQLite and PostgreSQL (``database_url``)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from backprop_evo.errors import NotFound
from backprop_evo.records.callers import KeyScope
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import equation_method
from backprop_evo.records.nodes import Demand, NodeRecord, NodeWish, SlotTraining, Want
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import NO_NODE_CAN
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.lifecycle import EVALUATION_VERBS, VERBS


@pytest.fixture
def node(scene):
    return NodeRecord(
        name="node",
        slots=2,
        devices=("cpu", "cpu"),
        code_version="0",
        started_at=scene.now,
        seen_at=scene.now,
        datasets=("mnist",),
        own_labels=("cpu",),
        fetches=True,
        fetching="cifar10",
        fetch_faults={"cifar100": "no route"},
    )


def test_a_wish_is_kept_over_heartbeats_and_restarts_and_told_in_an_event(scene, node):
    nodes = scene.store.nodes
    with pytest.raises(NotFound, match="nobody"):
        nodes.ask("nobody", {"slots": 1}, now=scene.now)
    assert nodes.wish("node") is None
    assert nodes.record_heartbeat(node) == node
    assert nodes.wish("node") == NodeWish()
    asked = nodes.ask("node", {"slots": 4, "labels": ("a100", "rack.2")}, now=scene.now)
    assert asked == replace(node, wish=NodeWish(slots=4, labels=("a100", "rack.2")))
    assert (asked.labels, asked.wanted_slots) == (("a100", "rack.2"), 4)
    nodes.ask("node", {"draining": True, "gives_back": True}, now=scene.now)
    restarted = replace(node, started_at=scene.later(5), seen_at=scene.now, own_labels=("other",))
    stored = nodes.record_heartbeat(restarted)
    assert stored.wish == NodeWish(slots=4, labels=("a100", "rack.2"), draining=True, gives_back=True)
    assert (stored.wanted_slots, nodes.wish("node")) == (0, stored.wish)
    nodes.ask("node", {"slots": None, "labels": None, "draining": False}, now=scene.now)
    found = nodes.find("node")
    assert (found.labels, found.wanted_slots) == (("other",), 2)
    told = [each.payload for each in scene.store.events.after() if each.kind == "node.asked"]
    assert told[0] == {"node": "node", "slots": 4, "labels": ["a100", "rack.2"]}
    assert len(told) == 3


def test_a_node_says_what_each_of_its_slots_trains(scene, node):
    scene.store.nodes.record_heartbeat(node)
    search = scene.search()
    first, second, third = (scene.trial(search) for _ in range(3))
    scene.lease(second, "node/77/10")
    scene.running(first, "node/77/2")
    scene.running(third, "other/1/0")
    found = scene.store.nodes.find("node")
    assert found.training == (
        SlotTraining(2, first, search.id, scene.now),
        SlotTraining(10, second, search.id, None),
    )
    assert found.busy == 2
    assert list(scene.store.nodes.all()) == [found]


def test_the_dead_are_known_until_they_are_forgotten(scene, node):
    nodes = scene.store.nodes
    nodes.record_heartbeat(node)
    nodes.record_heartbeat(replace(node, name="later", seen_at=scene.now + timedelta(seconds=60)))
    after = scene.now + timedelta(seconds=30)
    assert [each.name for each in nodes.alive(seen_after=after)] == ["later"]
    assert [each.name for each in nodes.all()] == ["later", "node"]
    assert nodes.forget(seen_before=scene.now) == []
    assert nodes.forget(seen_before=after) == ["node"]
    assert [each.name for each in nodes.all()] == ["later"]
    assert nodes.wish("node") is None


def test_a_trial_is_offered_with_what_its_search_asks_for_and_what_the_node_is_asked(scene, node):
    queue, nodes = scene.store.queue, scene.store.nodes
    search = scene.search("asks", labels=("a100",))
    trial_id = scene.trial(search)
    offer = queue.offer(trial_id, "node")
    assert offer.trial == scene.store.trials.get(trial_id)
    assert (offer.search, offer.labels, offer.node) == (search.spec, ("a100",), None)
    nodes.record_heartbeat(node)
    asked = nodes.ask("node", {"slots": 1}, now=scene.now)
    scene.running(scene.trial(search), "node/0/0")
    assert nodes.find("node").busy == 1
    assert queue.offer(trial_id, "node").node == asked, "without what its slots train"
    assert queue.offer(trial_id, "another").node is None
    assert queue.offer("nobody", "node") is None


def test_a_trial_of_an_evaluation_is_offered_without_a_spec_of_a_search(scene):
    methods = (equation_method("g"),)
    spec = EvaluationSpec(name="e", methods=methods, settings=(Setting(name="a"),), labels=("c",))
    evaluation = scene.store.evaluations.add(spec, now=scene.now)
    scene.store.evaluations.claim("c", lease_s=60, now=scene.now)
    train = spec.settings[0].train
    trial_id = scene.trial(evaluation, purpose=Purpose.EVALUATION, spec=train)
    offer = scene.store.queue.offer(trial_id, "node")
    assert (offer.trial.spec, offer.search, offer.labels) == (train, None, ("c",))


def test_what_searches_ask_of_nodes_is_known_without_their_specs(scene):
    queue, wanted = scene.store.queue, ("a100", "big")
    train = TrainSpec(data="mnist")
    asks = scene.search("asks", labels=wanted, train=train)
    scene.search("has nothing queued", labels=("else",))
    assert queue.wants() == []
    scene.trial(asks)
    again = scene.search("asks the same", labels=wanted, train=train)
    scene.trial(again)
    assert queue.wants() == [Want(wanted, ("mnist",))]
    assert (queue.labels_asked(asks.id), queue.labels_asked("nobody")) == (wanted, ())
    assert {share.labels for share in queue.shares()} == {wanted}
    both = (Setting(name="a", train=train), Setting(name="b", train=TrainSpec(data="cifar10")))
    spec = EvaluationSpec(name="e", methods=(equation_method("g"),), settings=both, labels=("c",))
    evaluation = scene.store.evaluations.add(spec, now=scene.now)
    assert queue.labels_asked(evaluation.id) == ("c",)
    for search in (asks, again):
        scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
    assert queue.wants() == [], "what somebody paused asks for nothing"
    claimed = scene.store.evaluations.claim("c", lease_s=9, now=scene.now)
    moved = {"now": scene.now, "reason": "why", "stranded": NO_NODE_CAN}
    scene.store.evaluations.move(claimed.id, SearchState.PAUSED, **moved)
    assert queue.wants() == [Want(("c",), ("mnist", "cifar10"))]


def test_the_demand_is_what_live_searches_have_queued_and_all_that_trains(scene):
    assert scene.store.queue.demand() == Demand(queued=0, running=0)
    search, other = scene.search("a"), scene.search("b")
    for _ in range(3):
        scene.trial(search)
    running = scene.trial(other)
    scene.trial(other)
    scene.running(running)
    scene.finish(scene.trial(search))
    assert scene.store.queue.demand() == Demand(queued=4, running=1)
    scene.store.searches.move(other.id, SearchState.PAUSED, now=scene.now)
    assert scene.store.queue.demand() == Demand(queued=3, running=1)


def strand(scene, driven, search_id, stranded=NO_NODE_CAN):
    return driven.move(search_id, SearchState.PAUSED, now=scene.now, reason="no data", stranded=stranded)


def test_what_the_service_paused_goes_on_and_what_somebody_paused_does_not(scene):
    searches = scene.store.searches
    by_service, by_somebody = scene.search("a"), scene.search("b")
    assert strand(scene, searches, by_service.id).stranded == NO_NODE_CAN
    searches.move(by_somebody.id, SearchState.PAUSED, now=scene.now)
    assert [each.id for each in searches.stranded()] == [by_service.id]
    running = searches.move(by_service.id, SearchState.RUNNING, now=scene.now, reason="it came")
    assert (running.stranded, running.end_reason) == (None, None)
    assert searches.stranded() == []
    (told,) = [e for e in scene.store.events.after(search_id=by_service.id) if "reason" in e.payload][1:]
    assert (told.kind, told.payload) == ("search.running", {"from": "paused", "reason": "it came"})


def test_a_pause_of_the_service_that_somebody_repeats_is_theirs(scene):
    searches = scene.store.searches
    search = scene.search()
    stranded = strand(scene, searches, search.id, "a trial")
    paused = searches.apply_verb(VERBS["pause"], search.id, now=scene.now)
    assert (paused.state, paused.stranded, paused.end_reason) == (SearchState.PAUSED, None, "no data")
    assert paused.version == stranded.version + 1
    assert searches.stranded() == []
    again = searches.apply_verb(VERBS["pause"], search.id, now=scene.now)
    assert again.version == paused.version


def test_a_stage_whose_search_somebody_pauses_does_not_go_on_by_itself(scene):
    store = scene.store
    search = scene.search()
    spec = EvaluationSpec(name="e", methods=(equation_method("g"),))
    stage = store.evaluations.order(search.id, "c", "transfer", spec, now=scene.now)
    assert store.evaluations.claim("c", lease_s=9, now=scene.now).id == stage.id
    strand(scene, store.evaluations, stage.id)
    assert [each.id for each in store.evaluations.stranded()] == [stage.id]
    store.searches.apply_verb(VERBS["pause"], search.id, now=scene.now)
    assert store.evaluations.stranded() == []
    store.searches.apply_verb(VERBS["resume"], search.id, now=scene.now)
    assert store.evaluations.get(stage.id).state is SearchState.RUNNING
    strand(scene, store.evaluations, stage.id)
    store.evaluations.apply_verb(EVALUATION_VERBS["pause"], stage.id, now=scene.now)
    assert store.evaluations.stranded() == []


def test_of_many_who_want_to_make_the_first_key_one_does(scene):
    keys = scene.store.keys

    def first(_):
        return keys.issue_first("first", KeyScope.ADMIN, now=scene.now)

    with ThreadPoolExecutor(8) as threads:
        made = [each for each in threads.map(first, range(8)) if each is not None]
    ((record, text),) = made
    assert keys.authenticate(text) == record
    assert list(keys.all()) == [record]
