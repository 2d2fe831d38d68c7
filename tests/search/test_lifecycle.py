"""The verbs: what their rows promise each other, and how their arguments are checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.errors import InvalidSettings, NotFound
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import MAX_TRIALS
from backprop_evo.search.lifecycle import (
    CLONE,
    EXTEND,
    TRANSITIONS,
    VERBS,
    Argument,
    find_verb,
    legal_verbs,
)

EVERY_VERB = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
TRANSITION_VERBS = [verb for verb in VERBS.values() if verb.to is not None]


@pytest.mark.parametrize("verb", TRANSITION_VERBS, ids=lambda verb: verb.name)
def test_a_verb_that_leads_to_a_state_is_legal_only_where_a_transition_leads_there(verb):
    assert verb.legal_in
    assert [state for state in verb.legal_in if verb.to not in TRANSITIONS[state]] == []
    assert not verb.legal_in & verb.done_in
    assert verb.to in verb.done_in, "repeating it changes nothing"
    assert not verb.arguments, "the store's transition takes none"


def test_people_can_do_every_transition_that_is_not_the_controllers():
    by_people = {(state, verb.to) for verb in TRANSITION_VERBS for state in verb.legal_in}
    by_people |= {(state, SearchState.RUNNING) for state in EXTEND.legal_in if state.is_terminal}
    everything = {(state, to) for state, reached in TRANSITIONS.items() for to in reached}
    controllers = {
        (SearchState.QUEUED, SearchState.RUNNING),  # by a claim
        (SearchState.RUNNING, SearchState.COMPLETED),
        (SearchState.STOPPING, SearchState.STOPPED),
        *((state, SearchState.FAILED) for state in SearchState if not state.is_terminal),
    }
    assert everything - by_people == controllers


def test_what_each_state_allows():
    shown = {str(state): " ".join(verb.name for verb in legal_verbs(state)) for state in SearchState}
    assert shown == {
        "queued": "pause stop cancel extend inject clone challenge",
        "running": "pause stop cancel extend inject clone challenge",
        "paused": "resume stop cancel extend inject clone challenge",
        "stopping": "cancel clone challenge",
        "completed": "extend clone challenge",
        "stopped": "extend clone challenge",
        "cancelled": "clone",
        "failed": "clone",
    }


@EVERY_VERB
def test_an_example_is_one(verb):
    assert verb.check(verb.example) == verb.example
    assert verb.summary.endswith(".")
    assert verb.status in (200, 202)


def test_a_verb_is_found_by_its_name_or_the_known_ones_are_listed():
    assert find_verb(CLONE.name) is CLONE
    with pytest.raises(NotFound, match="explode") as refused:
        find_verb("explode")
    assert all(name in refused.value.hint for name in VERBS)


@EVERY_VERB
def test_an_unknown_argument_is_named(verb):
    with pytest.raises(InvalidSettings, match="colour") as refused:
        verb.check({**verb.example, "colour": 1})
    assert refused.value.field == "colour"


@EVERY_VERB
def test_a_missing_argument_is_named(verb):
    needed = [argument.name for argument in verb.arguments if argument.required]
    for name in needed:
        with pytest.raises(InvalidSettings, match="missing") as refused:
            verb.check({key: value for key, value in verb.example.items() if key != name})
        assert refused.value.field == name
    if not needed:
        assert verb.check({}) == {}


@pytest.mark.parametrize("trials", [0, -1, MAX_TRIALS + 1, "7", 7.0, True, None])
def test_a_number_out_of_bounds_or_no_number_is_refused(trials):
    with pytest.raises(InvalidSettings, match="a whole number from 1 to 10000000") as refused:
        EXTEND.check({"trials": trials})
    assert refused.value.field == "trials"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"name": ""}, "name"), ({"name": "n" * 201}, "name"), ({"name": 5}, "name"), ({"seed": 2**53}, "seed")],
)
def test_a_text_is_bounded_by_its_length(arguments, field):
    with pytest.raises(InvalidSettings) as refused:
        CLONE.check(arguments)
    assert refused.value.field == field
    assert CLONE.check({"name": "n" * 200, "seed": 2**53 - 1})


NUMBER = Argument(name="number", kind=int, least=-5, most=5, help="A number.")


@given(st.integers())
def test_a_typed_number_is_read_as_it_is_checked(number):
    if -5 <= number <= 5:
        assert NUMBER.read(f" {number} ") == NUMBER.check(number) == number
    else:
        with pytest.raises(InvalidSettings, match="-5 to 5"):
            NUMBER.read(str(number))


@pytest.mark.parametrize("text", ["", "abc", "1.5", "9" * 5000])
def test_a_typed_text_that_is_no_number_is_refused(text):
    with pytest.raises(InvalidSettings, match="number must be a whole number") as refused:
        NUMBER.read(text)
    assert len(refused.value.message) < 120
