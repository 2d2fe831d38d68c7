"""Seeds of a confirmation are new to its search."""

from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.records.evaluating import MAX_SEEDS, EvaluationSpec
from backprop_evo.records.methods import equation_method
from backprop_evo.records.selecting import MOST_MEASUREMENTS
from backprop_evo.search import randomness
from backprop_evo.search.randomness import confirmation_seed, training_seed


@given(seed=st.integers(0, 2**63 - 1))
def test_no_seed_of_a_confirmation_is_the_one_equations_were_chosen_by(seed):
    first = confirmation_seed(seed)
    used = {training_seed(seed, again) for again in range(MOST_MEASUREMENTS)}
    assert len(used) == MOST_MEASUREMENTS
    assert not used & {*range(first, first + MAX_SEEDS)}
    EvaluationSpec(name="x", methods=(equation_method("g"),), first_seed=first)


def test_one_that_would_meet_it_is_drawn_again(monkeypatch):
    met = confirmation_seed(3)
    monkeypatch.setattr(randomness, "training_seed", lambda _seed, again: met + 7 if again == 2 else 0)
    again = confirmation_seed(3)
    assert again != met
    assert met + 7 not in range(again, again + MAX_SEEDS)
