"""Seeds of a stage are new to its search, and to the other stages."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.records.evaluating import MAX_SEEDS, EvaluationSpec
from backprop_evo.records.methods import equation_method
from backprop_evo.records.selecting import MOST_MEASUREMENTS
from backprop_evo.records.stored import Role
from backprop_evo.search import randomness
from backprop_evo.search.randomness import stage_seed, training_seed


@given(seed=st.integers(0, 2**63 - 1))
def test_no_seed_of_a_stage_is_one_that_equations_were_chosen_by(seed):
    firsts = sorted(stage_seed(seed, role) for role in Role)
    used = {training_seed(seed, again) for again in range(MOST_MEASUREMENTS)}
    assert len(used) == MOST_MEASUREMENTS
    for first in firsts:
        assert not used & {*range(first, first + MAX_SEEDS)}
        EvaluationSpec(name="x", methods=(equation_method("g"),), first_seed=first)
    assert all(after - before >= MAX_SEEDS for before, after in pairwise(firsts))


@pytest.mark.parametrize("role", Role)
def test_stages_that_would_meet_are_drawn_apart(monkeypatch, role):
    drawn = {}

    def derive(_seed, *purpose):
        """The first that each draws is the same."""
        return 5_000 if purpose[-1] == 0 else drawn.setdefault(purpose, 10_000 * (len(drawn) + 1))

    monkeypatch.setattr(randomness, "derive", derive)
    monkeypatch.setattr(randomness, "training_seed", lambda _seed, _again: 0)
    expected = {Role.CONFIRMATION: 5_000, Role.FINALISTS: 10_000, Role.TRANSFER: 20_000}
    assert stage_seed(3, role) == expected[role]


def test_those_of_a_confirmation_are_what_they_were_before_there_were_other_stages():
    assert [stage_seed(seed, Role.CONFIRMATION) for seed in (0, 3)] == [699092202, 649778489]


def test_one_that_would_meet_it_is_drawn_again(monkeypatch):
    met = stage_seed(3, Role.CONFIRMATION)
    monkeypatch.setattr(randomness, "training_seed", lambda _seed, again: met + 7 if again == 2 else 0)
    again = stage_seed(3, Role.CONFIRMATION)
    assert again != met
    assert met + 7 not in range(again, again + MAX_SEEDS)
