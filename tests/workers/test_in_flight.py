"""How many trials are out: what the spec says, or about twice the slots that live."""

from dataclasses import replace

import pytest

from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import equation_method
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.budget import LEAST_IN_FLIGHT, MOST_IN_FLIGHT, automatic_in_flight
from backprop_evo.settings import Settings
from backprop_evo.store.codec import decode
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import Clock, FakeBroker
from workers.controller import Controller
from workers.dispatch import Dispatcher

METHODS = tuple(equation_method(f"g + 0.{number} * h") for number in range(11, 40))


@pytest.mark.parametrize(
    ("slots", "in_flight"), [(0, LEAST_IN_FLIGHT), (1, 2), (3, 6), (64, 128), (10**6, MOST_IN_FLIGHT)]
)
def test_it_is_twice_the_slots_within_bounds(slots: int, in_flight: int) -> None:
    assert automatic_in_flight(slots) == in_flight


@pytest.mark.parametrize(
    "spec",
    [SearchSpec(name="search", trials=100), EvaluationSpec(name="evaluation", methods=METHODS)],
    ids=lambda spec: spec.name,
)
@pytest.mark.parametrize("said", [None, 3])
def test_a_pool_that_grows_gets_more(
    store: SqlStore,
    broker: FakeBroker,
    options: Settings,
    clock: Clock,
    spec: SearchSpec | EvaluationSpec,
    said: int | None,
) -> None:
    spec = replace(spec, in_flight=said)
    noun = store.searches if isinstance(spec, SearchSpec) else store.evaluations
    driven = noun.add(spec, now=clock())  # type: ignore[arg-type]
    controller = Controller(store, Dispatcher(store, broker, options), options, "c", clock)
    out = []
    for node, slots in (("none", 0), ("a", 3), ("b", 5), ("broken", 50)):
        store.nodes.record_heartbeat(
            NodeRecord(
                name=node,
                slots=slots,
                devices=("cpu",),
                code_version="0",
                started_at=clock(),
                seen_at=clock(),
            )
        )
        if node == "broken":
            store.nodes.count_fault(node, "why", quarantine_after=1)
        controller.step()
        out.append(len(store.trials.open(driven.id)))
        clock.move(1)
    assert out == ([2, 6, 16, 16] if said is None else [3] * 4)


def test_a_stored_spec_keeps_its_number() -> None:
    assert decode(SearchSpec, '{"name": "old", "in_flight": 2}').in_flight == 2
    assert SearchSpec(name="new").in_flight is None
