"""The brain's part of the cascade: what is screened out and counted, which rates are inherited; all of it
replays."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.search.fruitless import MAX_SUCCESSIVE
from backprop_evo.search.inherited_rates import around
from backprop_evo.search.replay import replay

GRID = RelativeStepGrid(relative_steps=(0.01, 0.03, 0.1), probe_epochs=0.1, extra_probes=2)
RELATIVE = TrainSpec(learning_rate=GRID)


def some_screened(trial):
    """By lot of the trial: a third shows nothing in its first backward pass, some diverge."""
    drawn = Random(trial.id).random()
    if trial.purpose is Purpose.SEARCH and drawn < 0.33:
        return TrialState.SCREENED
    return TrialState.DIVERGED if drawn > 0.9 else TrialState.COMPLETED


class TestScreening:
    def test_what_is_hopeless_is_told_and_not_trained(self, cluster):
        run = cluster(dead="abc", start=("abca", "jjja"), trials=30).run()
        told = {each.number: each.screened_out for each in run.individuals if each.screened_out}
        assert told[1] == "dead letters"
        assert not set(told) & {trial.individual for trial in run.trials}
        assert not set(told) & {each.parent for each in run.individuals}
        assert len(run.of(Purpose.SEARCH)) == 30

    def test_a_search_that_does_not_screen_trains_it(self, cluster):
        run = cluster(dead="abc", start=("abca",), trials=10, screening=False).run()
        assert {each.screened_out for each in run.individuals} == {None}
        assert 1 in {trial.individual for trial in run.trials}

    def test_what_behaves_like_it_is_a_twin_of_it(self, cluster):
        run = cluster(dead="ab", start=("abab", "baba"), trials=5).run()
        assert (run.individuals[1].screened_out, run.individuals[1].twin) == ("dead letters", None)
        assert (run.individuals[2].screened_out, run.individuals[2].twin) == (None, 1)
        assert not {1, 2} & {trial.individual for trial in run.trials}

    def test_plain_backprop_and_yardsticks_are_trained_whatever_they_are(self, cluster):
        run = cluster(dead="ab", yardsticks=(equation_method("bbbb"),), trials=5).run()
        assert [each.screened_out for each in run.individuals[:2]] == [None, None]
        assert {trial.individual for trial in run.trials} >= {0, 1}

    def test_a_trial_that_was_screened_out_gives_its_place_in_the_budget_back(self, cluster):
        run = cluster(trials=40, in_flight=5, shuffled=2, ends=some_screened).run()
        states = [f.state for f in run.finishes if f.purpose is Purpose.SEARCH]
        assert states.count(TrialState.SCREENED) > 5
        assert len(states) - states.count(TrialState.SCREENED) == 40
        screened = {f.individual for f in run.finishes if f.state is TrialState.SCREENED}
        assert not screened & {each.parent for each in run.individuals}
        assert run.end.reason is None

    @pytest.mark.parametrize("strategy", ["evolution", "random"])
    def test_a_vocabulary_without_hope_ends_in_words(self, cluster, strategy):
        run = cluster(letters="abcdefghij", dead="abcdefghij", trials=1000, strategy=strategy).run()
        assert run.of(Purpose.SEARCH) == []
        assert run.end.end is SearchState.COMPLETED
        assert "carry no error" in run.end.reason
        assert len(run.individuals) == MAX_SUCCESSIVE + 1

    def test_passes_that_all_show_nothing_end_in_words(self, cluster):
        def nothing(trial):
            return TrialState.SCREENED if trial.purpose is Purpose.SEARCH else TrialState.COMPLETED

        letters = "abcdefghijklmnopqrstuvwxyz"
        run = cluster(letters=letters, trials=50, in_flight=10, ends=nothing).run()
        assert run.end.end is SearchState.COMPLETED
        assert "first backward pass" in run.end.reason
        assert MAX_SUCCESSIVE <= len(run.of(Purpose.SEARCH)) <= MAX_SUCCESSIVE + 10


class TestInheritedRates:
    def test_a_mutant_probes_around_its_parents_best(self, cluster):
        run = cluster(trials=40, rates="inherited", train=RELATIVE).run()
        best = {f.individual: f.relative_step for f in run.finishes}
        first = {each.fingerprint: each.number for each in reversed(run.individuals)}
        by_number = {trial.individual: trial for trial in run.of(Purpose.SEARCH)}
        mutants = [each for each in run.individuals if each.origin is Origin.MUTATION]
        assert len(mutants) > 10
        for each in mutants:
            parent = run.individuals[each.parent]
            assert each.inherited_step == best[first[parent.fingerprint]]
            if each.number in by_number:
                grid = by_number[each.number].spec.learning_rate
                assert grid == around(each.inherited_step, GRID)

    def test_random_equations_and_what_others_are_measured_by_probe_the_whole_grid(self, cluster):
        run = cluster(trials=30, rates="inherited", train=RELATIVE, start=("jjjj",)).run()
        whole = [t for t in run.trials if run.individuals[t.individual].origin is not Origin.MUTATION]
        assert {trial.spec.learning_rate for trial in whole} == {GRID}
        assert {trial.purpose for trial in whole} >= {Purpose.BASELINE, Purpose.SEARCH}

    @pytest.mark.parametrize("rate", [GRID, LearningRateGrid()])
    def test_by_default_nothing_is_inherited(self, cluster, rate):
        run = cluster(trials=30, train=TrainSpec(learning_rate=rate)).run()
        assert {each.inherited_step for each in run.individuals} == {None}
        assert {trial.spec.learning_rate for trial in run.trials} == {rate}

    def test_around_is_the_step_and_its_neighbours_in_the_grids_ratio(self):
        found = around(0.5, RelativeStepGrid(relative_steps=(0.04, 0.01, 0.02), extra_probes=3))
        assert found.relative_steps == pytest.approx((0.25, 0.5, 1.0))
        assert found.relative_steps[1] == 0.5
        assert found.extra_probes == 0

    def test_generations_walk_beyond_the_grid(self, cluster):
        """The best letters want a relative step of 3.6; the grid ends at 0.1."""
        run = cluster(trials=150, rates="inherited", train=RELATIVE, best_probability=1.0).run()
        assert max(each.inherited_step or 0 for each in run.individuals) > 1.0


cascades = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**40),
        "trials": st.integers(1, 25),
        "in_flight": st.integers(1, 9),
        "start_random": st.integers(1, 6),
        "start": st.sampled_from([(), ("aaaa",), ("abcd", "bcda", "jjjj")]),
        "letters": st.sampled_from(["abcd", "abcdefghij"]),
        "dead": st.sampled_from(["", "a", "abc", "abcdefg"]),
        "shuffled": st.integers(0, 2**20),
        "rates": st.sampled_from(["grid", "inherited"]),
        "screening": st.booleans(),
    }
)


@settings(max_examples=50, deadline=None)
@given(options=cascades)
def test_a_search_with_all_of_it_replays(cluster, options):
    run = cluster(**options, train=RELATIVE, ends=some_screened).run()
    assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)


@settings(max_examples=50, deadline=None)
@given(options=cascades, killed_after=st.integers(0, 40), data=st.data())
def test_a_rebuilt_brain_decides_what_the_one_that_lived_decides(cluster, options, killed_after, data):
    run = cluster(**options, train=RELATIVE, ends=some_screened)
    lived, again = run.killed_after(killed_after, lambda least, most: data.draw(st.integers(least, most)))
    assert again == lived
