"""The best are measured again: who, how often, under which seeds; what that does to order and finalists."""

from dataclasses import replace
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose
from backprop_evo.records.selecting import Selection
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.search.finalists import in_order, shrunk_means
from backprop_evo.search.fruitless import MAX_SUCCESSIVE
from backprop_evo.search.measurements import Measured, Measurements
from backprop_evo.search.randomness import training_seed
from backprop_evo.search.remeasuring import next_of
from backprop_evo.search.replay import replay
from backprop_evo.search.strategies import strategies

OFTEN = Selection(remeasured=0.3, max_measurements=4)
GRID = RelativeStepGrid(relative_steps=(0.01, 0.03, 0.1), probe_epochs=0.1, extra_probes=2)


def ends_of_all_kinds(trial):
    drawn = Random(trial.id).random()
    if trial.purpose is Purpose.BASELINE:
        return TrialState.COMPLETED
    for state, share in ((TrialState.PRUNED, 0.35), (TrialState.DIVERGED, 0.45), (TrialState.LOST, 0.5)):
        if drawn < share:
            return state
    return TrialState.SCREENED if drawn > 0.95 else TrialState.COMPLETED


runs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**40),
        "trials": st.integers(1, 40),
        "in_flight": st.integers(1, 9),
        "population_size": st.integers(1, 12),
        "start_random": st.integers(1, 6),
        "start": st.sampled_from([(), ("abcd", "bcda", "aaaa")]),
        "letters": st.sampled_from(["abcd", "abcdefghij"]),
        "shuffled": st.integers(0, 2**20),
        "strategy": st.sampled_from(sorted(strategies())),
        "rates": st.sampled_from(["grid", "inherited"]),
        "noise": st.sampled_from([0.0, 0.05]),
        "selection": st.builds(
            Selection,
            parents=st.sampled_from(["all", "completed"]),
            remeasured=st.sampled_from([0.0, 0.1, 0.5]),
            max_measurements=st.integers(1, 5),
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(options=runs)
def test_a_search_with_pruned_parents_and_remeasurements_replays(cluster, options):
    run = cluster(**options, train=TrainSpec(learning_rate=GRID), ends=ends_of_all_kinds).run()
    assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)
    assert len({trial.id for trial in run.trials}) == len(run.trials)


@settings(max_examples=40, deadline=None)
@given(options=runs, killed_after=st.integers(0, 60), data=st.data())
def test_a_rebuilt_brain_decides_what_the_one_that_lived_decides(cluster, options, killed_after, data):
    run = cluster(**options, train=TrainSpec(learning_rate=GRID), ends=ends_of_all_kinds)
    lived, again = run.killed_after(killed_after, lambda least, most: data.draw(st.integers(least, most)))
    assert again == lived


def test_remeasurements_are_trials_of_the_budget_with_seeds_of_their_own(cluster):
    run = cluster(trials=60, selection=OFTEN, noise=0.03, train=TrainSpec(learning_rate=GRID)).run()
    again = run.of(Purpose.REMEASUREMENT)
    assert len(again) + len(run.of(Purpose.SEARCH)) == 60
    assert 10 < len(again) <= 0.3 * 60
    sent = {}
    for trial in again:
        individual = run.individuals[trial.individual]
        first = run.individuals[individual.remeasures]
        assert individual.origin is Origin.REMEASUREMENT
        assert (individual.parent, individual.twin, individual.screened_out) == (None, None, None)
        assert (individual.fingerprint, individual.method) == (first.fingerprint, first.method)
        assert trial.spec == next(t.spec for t in run.trials if t.individual == first.number)
        sent[first.number] = sent.get(first.number, 0) + 1
        assert trial.seed == training_seed(run.spec.seed, sent[first.number])
    assert 1 < max(sent.values()) <= OFTEN.max_measurements - 1
    parents = {each.parent for each in run.individuals}
    assert not {trial.individual for trial in again} & parents


def test_nothing_is_measured_again_where_that_is_not_asked_for(cluster):
    run = cluster(trials=60, selection=Selection(remeasured=0), noise=0.03).run()
    assert run.of(Purpose.REMEASUREMENT) == []
    once = cluster(trials=60, selection=Selection(remeasured=0.5, max_measurements=1), noise=0.03).run()
    assert once.of(Purpose.REMEASUREMENT) == []


def test_the_mean_of_all_measurements_is_what_counts(cluster):
    run = cluster(trials=80, selection=OFTEN, noise=0.05, confirm=(80, 1), in_flight=1).run()
    fitness = {}
    for finish in run.finishes[1:]:
        fingerprint = run.individuals[finish.individual].fingerprint
        fitness.setdefault(fingerprint, []).append(finish.validation_accuracy)
    assert max(map(len, fitness.values())) > 2
    members = run.progress._behaviours.population.best(100)
    found = [(run.individuals[m.individual].fingerprint, m.grade.merit) for m in members]
    expected = {fingerprint: fmean(each) for fingerprint, each in fitness.items()}
    assert dict(found) == pytest.approx(expected)
    assert [merit for _, merit in found] == sorted((merit for _, merit in found), reverse=True)


def test_what_does_not_train_on_another_seed_is_no_finalist(cluster):
    def ends(trial):
        again = trial.purpose is Purpose.REMEASUREMENT
        return TrialState.DIVERGED if again else TrialState.COMPLETED

    run = cluster(trials=60, selection=OFTEN, ends=ends, confirm=(50, 1)).run()
    diverged = {trial.method for trial in run.of(Purpose.REMEASUREMENT)}
    assert len(diverged) > 5
    assert run.end.finalists
    assert not diverged & set(run.end.finalists)


def test_an_exhausted_vocabulary_ends_though_its_best_are_measured_again(cluster):
    run = cluster(letters="ab", trials=1000, selection=OFTEN, in_flight=3).run()
    assert "exhausted" in run.end.reason
    assert len(run.individuals) <= 20 + MAX_SUCCESSIVE * 2


class TestPrunedParents:
    ASHA = PrunerSpec(name="asha", rungs=(10, 20))

    def run(self, cluster, parents, **options):
        def ends(trial):
            completes = trial.purpose is Purpose.BASELINE or Random(trial.id).random() < 0.1
            return TrialState.COMPLETED if completes else TrialState.PRUNED

        selection = Selection(parents=parents, remeasured=0)
        options = {"trials": 80, "pruner": self.ASHA, "ends": ends, **options}
        return cluster(selection=selection, confirm=(80, 1), **options).run()

    def test_pruned_ones_are_parents_and_never_finalists(self, cluster):
        run = self.run(cluster, "all")
        completed = {f.individual for f in run.finishes if f.state is TrialState.COMPLETED}
        parents = {each.parent for each in run.individuals} - {None}
        first = {each.fingerprint: each.number for each in reversed(run.individuals)}
        assert {first[run.individuals[each].fingerprint] for each in parents} - completed
        assert {each for each in run.end.finalists} <= {run.individuals[n].method for n in completed}

    def test_they_were_none_in_searches_of_before(self, cluster):
        run = self.run(cluster, "completed")
        completed = {f.individual for f in run.finishes if f.state is TrialState.COMPLETED}
        parents = {each.parent for each in run.individuals} - {None}
        first = {each.fingerprint: each.number for each in reversed(run.individuals)}
        assert {first[run.individuals[each].fingerprint] for each in parents} <= completed

    def test_their_order_is_the_rung_and_then_the_signal(self, cluster):
        run = self.run(cluster, "all")
        finish_of = {f.individual: f for f in run.finishes}
        first = {each.fingerprint: each.number for each in reversed(run.individuals)}

        def key(member):
            finish = finish_of[first[run.individuals[member.individual].fingerprint]]
            if finish.pruned_at is None:
                return (9, finish.validation_accuracy)
            return (finish.pruned_at.rung, -finish.pruned_at.train_loss)

        keys = [key(member) for member in run.progress._behaviours.population.best(100)]
        assert {rung for rung, _ in keys} == {9, 1, 0}
        assert keys == sorted(keys, reverse=True)

    def test_their_best_step_is_inherited(self, cluster):
        run = self.run(cluster, "all", rates="inherited", train=TrainSpec(learning_rate=GRID))
        step_of = {f.individual: f.relative_step for f in run.finishes}
        first = {each.fingerprint: each.number for each in reversed(run.individuals)}
        mutants = [each for each in run.individuals if each.origin is Origin.MUTATION]
        for each in mutants:
            assert each.inherited_step == step_of[first[run.individuals[each.parent].fingerprint]] is not None


def measured(mean, n=1, sent=None):
    return Measured(n=n, mean=mean, sent=sent or n)


class TestWhoIsNext:
    def test_the_luckiest_looking_first_while_nobody_knows_the_noise(self):
        assert next_of([measured(0.5), measured(0.4)], None, 5) == 0
        assert next_of([measured(0.5, 2), measured(0.4)], None, 5) == 1

    def test_then_the_greatest_upper_bound(self):
        assert next_of([measured(0.50, 4), measured(0.49)], 0.04, 5) == 1
        assert next_of([measured(0.50, 4), measured(0.45)], 0.04, 5) == 0

    def test_a_training_that_is_out_counts_as_evidence(self):
        assert next_of([measured(0.50), measured(0.49)], 0.04, 5) == 0
        assert next_of([measured(0.50, 1, sent=4), measured(0.49)], 0.04, 5) == 1

    def test_nobody_where_the_others_are_clearly_worse_or_all_are_measured_enough(self):
        assert next_of([measured(0.5, 5), measured(0.1)], 0.01, 5) is None
        assert next_of([measured(0.5, 5), measured(0.49, 5)], 0.1, 5) is None
        assert next_of([], 0.1, 5) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), max_size=40))
def test_spread_is_the_pooled_deviation_within_behaviours(seen):
    measurements, naive = Measurements(), {}
    for fingerprint, accuracy in seen:
        measurements.completed(fingerprint, accuracy)
        naive.setdefault(fingerprint, []).append(accuracy)
    squares = sum(sum((each - fmean(of)) ** 2 for each in of) for of in naive.values())
    freedom = sum(len(of) - 1 for of in naive.values())
    if freedom < 3:
        assert measurements.spread is None
    else:
        assert measurements.spread == pytest.approx((squares / freedom) ** 0.5, abs=1e-7)


class TestFinalists:
    def test_plain_means_where_the_noise_is_not_known(self):
        best = [measured(0.5), measured(0.4, 3), measured(0.3)]
        assert shrunk_means(best, None) == [0.5, 0.4, 0.3]

    def test_plain_means_where_there_is_no_noise_because_nothing_learns(self):
        stuck = [measured(0.1), measured(0.1, 3), measured(0.1, 2)]
        assert shrunk_means(stuck, 0.0) == [0.1, 0.1, 0.1]
        assert in_order(stuck, 0.0) == [0, 1, 2]

    def test_one_lucky_measurement_does_not_beat_several_good_ones(self):
        best = [measured(0.42), measured(0.41, 5), measured(0.33), measured(0.32), measured(0.31)]
        assert in_order(best, 0.04)[0] == 1
        assert in_order(best, 0.0001)[0] == 0

    @given(
        st.lists(st.tuples(st.floats(0, 1), st.integers(1, 5)), min_size=3, max_size=9), st.floats(0.001, 1)
    )
    def test_every_mean_is_drawn_towards_the_middle_and_more_evidence_draws_less(self, told, spread):
        best = [measured(mean, n) for mean, n in told]
        middle = fmean(each.mean for each in best)
        for each, shrunk in zip(best, shrunk_means(best, spread), strict=True):
            assert min(middle, each.mean) - 1e-9 <= shrunk <= max(middle, each.mean) + 1e-9
        again = [replace(each, n=each.n + 1) if place == 0 else each for place, each in enumerate(best)]
        near, nearer = (abs(shrunk_means(group, spread)[0] - best[0].mean) for group in (best, again))
        assert nearer <= near + 1e-9
