"""What no live node can train is refused with the command that helps; without any node it waits."""

from dataclasses import replace

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.funnel import Transfer
from backprop_evo.records.methods import equation_method
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.training import TrainSpec


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


def test_an_evaluation_needs_a_node_for_each_of_its_data_sets(service, beat):
    mini = TrainSpec(learning_rate=0.1)
    settings = (Setting(name="a", train=mini), Setting(name="b", train=replace(mini, data="cifar10")))
    spec = EvaluationSpec(name="both", methods=(equation_method("g"),), settings=settings, seeds=1)
    beat("a", datasets=("cifar10-mini",))
    with pytest.raises(InvalidSettings, match="a lacks the data set cifar10"):
        service.submit_evaluation(spec)
    beat("b", datasets=("cifar10",))
    service.submit_evaluation(spec)
