"""What no live node can train is refused with the command that helps; without any node it waits."""

from dataclasses import replace

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.funnel import Transfer
from backprop_evo.records.methods import equation_method
from backprop_evo.records.nodes import Demand, NodeRecord
from backprop_evo.records.training import TrainSpec
from backprop_evo.service.pool import pool_of


@pytest.fixture
def beat(store, clock):
    def beat(name="node", **rest):
        store.nodes.record_heartbeat(
            NodeRecord(
                name=name,
                slots=1,
                devices=("cpu",),
                code_version="0",
                started_at=clock(),
                seen_at=clock(),
                **rest,
            )
        )

    return beat


def test_without_a_node_a_search_is_accepted_with_a_warning(service, small_spec, beat, clock):
    assert "no node is alive" in service.warnings()[0]
    service.submit_search(small_spec())
    beat(datasets=())
    clock.pass_by(100)
    service.submit_search(small_spec())


def test_a_data_set_that_no_live_node_has_is_refused_with_the_command_that_fetches_it(
    service, small_spec, beat
):
    beat(datasets=("mnist",))
    with pytest.raises(InvalidSettings, match="node lacks the data set cifar10-mini") as refused:
        service.submit_search(small_spec())
    assert refused.value.field == "train.data"
    assert "backprop-evo data fetch cifar10-mini" in refused.value.hint
    assert service.warnings() == ()
    beat("other", datasets=("cifar10-mini",))
    service.submit_search(small_spec())


def test_what_a_transfer_needs_is_found_out_when_the_search_is_submitted(service, small_spec, beat):
    beat(datasets=("cifar10-mini",))
    service.submit_search(small_spec(transfer=Transfer(best=1, settings=("other-model", "longer"))))
    service.submit_search(small_spec(transfer=Transfer(best=0)))
    with pytest.raises(InvalidSettings, match=r"its transfer: .*node lacks the data set fash") as refused:
        service.submit_search(small_spec(transfer=Transfer(best=1)))
    assert refused.value.field == "transfer.settings"
    assert refused.value.hint.endswith("backprop-evo data fetch fashion-mnist")
    beat("other", datasets=("fashion-mnist",))
    service.submit_search(small_spec(transfer=Transfer(best=1)))


def test_a_node_that_does_not_say_what_it_has_may_have_everything(service, small_spec, beat):
    beat(datasets=None)
    service.submit_search(small_spec())


def test_a_node_in_quarantine_counts_for_nothing(service, store, small_spec, beat):
    beat(datasets=("cifar10-mini",))
    store.nodes.count_fault("node", "ImportError: torch", quarantine_after=1)
    with pytest.raises(InvalidSettings, match="ImportError: torch") as refused:
        service.submit_search(small_spec())
    assert "self-test" in refused.value.hint


def test_a_node_that_fetches_by_itself_will_have_it_unless_that_failed(service, small_spec, beat):
    beat(datasets=("mnist",), fetches=True)
    service.submit_search(small_spec())
    fault = "it could not be fetched: no route"
    beat(datasets=("mnist",), fetches=True, fetch_faults={"cifar10-mini": fault})
    with pytest.raises(InvalidSettings, match=f"lacks the data set cifar10-mini, and {fault}"):
        service.submit_search(small_spec())


def test_labels_that_no_live_node_carries_are_refused_with_the_command_that_gives_them(
    service, small_spec, beat
):
    beat(own_labels=("cpu",))
    with pytest.raises(InvalidSettings, match="node lacks the label a100, big") as refused:
        service.submit_search(small_spec(labels=("cpu", "a100", "big")))
    assert refused.value.field == "labels"
    assert refused.value.hint.endswith("backprop-evo nodes label NODE cpu a100 big")
    service.ask_of_node("node", {"labels": ["big", "a100", "cpu"]})
    service.submit_search(small_spec(labels=("cpu", "a100", "big")))


def test_where_no_node_has_a_slot_it_waits_and_beside_others_a_drained_one_counts_for_nothing(
    service, small_spec, beat
):
    beat(datasets=("cifar10-mini",))
    service.ask_of_node("node", {"draining": True})
    assert "no live node has a slot" in service.warnings()[0]
    service.submit_search(small_spec())
    beat("other", datasets=("mnist",))
    with pytest.raises(InvalidSettings, match="node is drained; other lacks the data set"):
        service.submit_search(small_spec())
    service.ask_of_node("node", {"draining": False, "slots": 0})
    with pytest.raises(InvalidSettings, match="node has no slots"):
        service.submit_search(small_spec())


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"slots": 257}, "slots"),
        ({"slots": -1}, "slots"),
        ({"slots": True}, "slots"),
        ({"labels": ["a b"]}, "labels"),
        ({"labels": [""]}, "labels"),
        ({"labels": [str(number) for number in range(33)]}, "labels"),
        ({}, "slots"),
    ],
)
def test_what_no_node_can_be_asked_for_is_refused(service, beat, store, wanted, field):
    beat()
    with pytest.raises(InvalidSettings) as refused:
        service.ask_of_node("node", wanted)
    assert refused.value.field == field
    assert store.nodes.wish("node").slots is None


@pytest.mark.parametrize(
    ("queued", "running", "least", "most", "wanted"),
    [(0, 0, 0, 10, 0), (3, 2, 0, 10, 5), (3, 2, 8, 10, 8), (30, 2, 0, 10, 10), (3, 0, 4, 4, 4)],
)
def test_the_pool_wants_a_slot_a_trial_within_its_bounds(
    service, store, beat, queued, running, least, most, wanted
):
    beat("a")
    beat("b")
    store.nodes.count_fault("b", "why", quarantine_after=1)
    found = pool_of(service.live_nodes(), Demand(queued, running), least=least, most=most)
    assert (found.wanted, found.slots, found.nodes) == (wanted, 1, 1)
    with pytest.raises(InvalidSettings, match="min"):
        service.pool(least=2, most=1)


def test_an_evaluation_needs_a_node_for_each_of_its_data_sets(service, beat):
    mini = TrainSpec(learning_rate=0.1)
    settings = (Setting(name="a", train=mini), Setting(name="b", train=replace(mini, data="cifar10")))
    spec = EvaluationSpec(name="both", methods=(equation_method("g"),), settings=settings, seeds=1)
    beat("a", datasets=("cifar10-mini",))
    with pytest.raises(InvalidSettings, match="a lacks the data set cifar10"):
        service.submit_evaluation(spec)
    beat("b", datasets=("cifar10",))
    service.submit_evaluation(spec)
