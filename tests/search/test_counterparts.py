"""The counterpart of a search: the same but for how equations are proposed."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role, SearchRecord
from backprop_evo.search.counterparts import counterpart_of, offered_verbs
from backprop_evo.search.randomness import stage_seed, training_seed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = SearchSpec(
    name="first",
    seed=11,
    trials=40,
    start=("g", "g / fro(g)"),
    start_random=5,
    priority=4,
    in_flight=3,
    pruner=PrunerSpec(name="asha", rungs=(8, 24)),
)


def record(spec: SearchSpec = SPEC, **options) -> SearchRecord:
    known = {"id": "s", "state": SearchState.RUNNING, "version": 1, "created_at": NOW}
    return SearchRecord(**{"spec": spec, **known, **options})


def test_all_but_the_strategy_and_the_start_equations_is_the_same():
    beside = counterpart_of(SPEC, SPEC.trials)
    differing = {
        each.name for each in fields(SearchSpec) if getattr(SPEC, each.name) != getattr(beside, each.name)
    }
    assert differing == {"name", "strategy", "start", "start_random"}
    assert (beside.strategy, beside.start, beside.start_random) == ("random", (), 7)
    assert beside.first_trials == SPEC.first_trials


def test_its_children_begin_with_the_same_weights_and_are_confirmed_on_the_same_seeds():
    beside = counterpart_of(SPEC, SPEC.trials)
    assert training_seed(beside.seed) == training_seed(SPEC.seed)
    for role in Role:
        assert stage_seed(beside.seed, role) == stage_seed(SPEC.seed, role)


def test_it_has_the_present_budget():
    assert counterpart_of(SPEC, 90).trials == 90


def test_a_long_name_still_fits():
    assert len(counterpart_of(replace(SPEC, name="n" * 200), 1).name) <= 200


def test_random_search_has_none():
    with pytest.raises(InvalidSettings, match="random search has no counterpart") as refused:
        counterpart_of(replace(SPEC, strategy="random"), 10)
    assert refused.value.field == "strategy"


@pytest.mark.parametrize(
    ("search", "offered"),
    [
        (record(), True),
        (record(replace(SPEC, strategy="aging")), True),
        (record(counterpart="other"), False),
        (record(replace(SPEC, strategy="random")), False),
        (record(state=SearchState.COMPLETED), True),
        (record(state=SearchState.CANCELLED), False),
    ],
)
def test_the_verb_is_offered_where_there_is_something_to_order(search, offered):
    names = [verb.name for verb in offered_verbs(search)]
    assert ("challenge" in names) == offered
    assert "clone" in names
