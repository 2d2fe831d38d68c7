"""The brain, told as a story: what it decides when."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.search.fruitless import MAX_SUCCESSIVE
from backprop_evo.search.replay import rebuild, replay

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_first_trial_is_plain_backprop(cluster):
    decisions = cluster(in_flight=1).step()
    assert [each.origin for each in decisions.individuals] == [Origin.BASELINE]
    assert [each.purpose for each in decisions.trials] == [Purpose.BASELINE]


def test_then_come_the_start_equations_then_random_ones_then_mutations(cluster):
    run = cluster(start=("jjja", "jjjb"), start_random=3).run()
    origins = [each.origin for each in run.individuals]
    assert origins[:6] == [Origin.BASELINE, Origin.START, Origin.START, *[Origin.RANDOM] * 3]
    assert set(origins[6:]) == {Origin.MUTATION}
    assert [each.method.equation for each in run.individuals[1:3]] == ["jjja", "jjjb"]


@pytest.mark.parametrize("in_flight", [1, 2, 7, 100])
def test_exactly_the_budget_is_trained_whatever_is_in_flight(cluster, in_flight):
    run = cluster(trials=50, in_flight=in_flight, shuffled=in_flight).run()
    assert len(run.of(Purpose.SEARCH)) == 50
    assert len(run.of(Purpose.BASELINE)) == 1
    assert len({trial.id for trial in run.trials}) == len(run.trials)
    assert run.most_out <= in_flight
    assert run.end.end is SearchState.COMPLETED


def test_every_search_trial_is_another_behaviour(cluster):
    run = cluster(trials=60).run()
    behaviours = [trial.fingerprint for trial in run.of(Purpose.SEARCH)]
    assert len(set(behaviours)) == 60


def test_known_behaviour_is_a_twin_and_takes_no_trial(cluster):
    run = cluster(start=("abcd", "dcba"), trials=10).run()
    twin = run.individuals[2]
    assert (twin.method.equation, twin.twin) == ("dcba", 1)
    assert not [trial for trial in run.trials if trial.individual == 2]
    assert len(run.of(Purpose.SEARCH)) == 10


def test_a_start_equation_that_is_plain_backprop_inherits_from_the_baseline_and_may_be_a_parent(cluster):
    run = cluster(letters="jabc", start=("jjjj",), start_random=0, trials=5).run()
    assert run.individuals[1].twin == 0
    assert run.individuals[2].parent == 1


def test_the_baseline_itself_is_never_a_parent(cluster):
    run = cluster(trials=100, letters="abcdefg").run()
    assert 0 not in {each.parent for each in run.individuals}


def test_children_come_from_the_best_with_probability_one(cluster):
    run = cluster(trials=60, population_size=3, best_probability=1.0, in_flight=1).run()
    last = run.individuals[-1]
    known = sorted(
        (f.validation_accuracy for f in run.finishes[: last.finishes_known] if f.purpose is Purpose.SEARCH),
        reverse=True,
    )
    parent = next(f for f in run.finishes if f.individual == last.parent)
    assert parent.validation_accuracy >= known[2]


def test_evolution_beats_the_start(cluster):
    run = cluster(trials=80, population_size=10).run()
    accuracies = [f.validation_accuracy for f in run.finishes if f.purpose is Purpose.SEARCH]
    assert max(accuracies[40:]) > max(accuracies[:5])


@pytest.mark.parametrize("state", [TrialState.DIVERGED, TrialState.FAILED, TrialState.OOM, TrialState.LOST])
def test_a_trial_without_fitness_counts_and_never_becomes_a_parent(cluster, state):
    run = cluster(trials=40, ends=lambda t: state if t.individual % 3 == 1 else TrialState.COMPLETED).run()
    assert len(run.of(Purpose.SEARCH)) == 40
    fruitless = {f.individual for f in run.finishes if f.state is state}
    assert fruitless
    assert not fruitless & {each.parent for each in run.individuals}


def test_when_nothing_has_a_fitness_random_equations_go_on(cluster):
    run = cluster(trials=15, start_random=2, ends=lambda _trial: TrialState.DIVERGED).run()
    assert {each.origin for each in run.individuals[1:]} == {Origin.RANDOM}
    assert len(run.of(Purpose.SEARCH)) == 15
    assert run.end.finalists == ()
    assert run.end.end is SearchState.COMPLETED
    assert "no training of the search reached a fitness" in run.end.reason


def test_the_best_are_the_finalists_and_no_trial_of_the_search_is_tested(cluster):
    run = cluster(trials=30, confirm=(2, 4)).run()
    fitness = {f.individual: f.validation_accuracy for f in run.finishes if f.purpose is Purpose.SEARCH}
    best = sorted(fitness, key=fitness.__getitem__, reverse=True)[:2]
    assert run.end.finalists == tuple(run.individuals[number].method for number in best)
    assert not any(trial.spec.evaluate_test for trial in run.trials)
    assert len({trial.seed for trial in run.trials}) == 1
    assert {trial.purpose for trial in run.trials} == {Purpose.SEARCH, Purpose.BASELINE}


def test_there_are_no_finalists_before_the_last_search_trial_ended(cluster):
    run = cluster(trials=12, in_flight=5, shuffled=3)
    while not (decisions := run.step()).finalists:
        assert decisions.end is None
        run.finish_one()
    assert sum(f.purpose is Purpose.SEARCH for f in run.finishes) == 12
    assert run.out == []


def test_an_equation_whose_search_trial_did_not_complete_is_no_finalist(cluster):
    run = cluster(
        trials=10,
        confirm=(10, 1),
        ends=lambda t: TrialState.DIVERGED if t.individual < 5 else TrialState.COMPLETED,
    ).run()
    diverged = {each.method for each in run.individuals[:5]}
    assert run.end.finalists
    assert not diverged & set(run.end.finalists)


def test_confirmation_can_be_switched_off(cluster):
    run = cluster(trials=5, confirm=(0, 1)).run()
    assert run.end.finalists == ()
    assert run.end.end is SearchState.COMPLETED


def test_a_paused_search_decides_nothing_and_goes_on_where_it_was(cluster):
    run = cluster(in_flight=2)
    run.step()
    run.finish_one()
    assert run.step(SearchState.PAUSED).is_empty
    assert not run.step(SearchState.RUNNING).is_empty
    assert len(run.run().of(Purpose.SEARCH)) == 20


def test_a_stopping_search_waits_for_what_is_out_and_confirms_nothing(cluster):
    run = cluster(in_flight=2)
    run.step()
    assert run.step(SearchState.STOPPING).end is None
    run.finish_one()
    run.finish_one()
    stopped = run.step(SearchState.STOPPING)
    assert (stopped.end, stopped.finalists) == (SearchState.STOPPED, ())


def test_an_extended_search_goes_on_and_chooses_finalists_anew(cluster):
    run = cluster(trials=20).run()
    run.run(trials=40)
    fitness = {f.individual: f.validation_accuracy for f in run.finishes if f.purpose is Purpose.SEARCH}
    assert len(run.of(Purpose.SEARCH)) == 40
    assert run.end.finalists == (run.individuals[max(fitness, key=fitness.__getitem__)].method,)


def test_a_confirmation_of_before_has_its_place_in_the_finish_order_and_changes_nothing(cluster):
    run = cluster(trials=20).run()
    last = run.finishes[-1]
    of_before = replace(
        last,
        trial_id="s.0c0",
        purpose=Purpose.CONFIRMATION,
        finish_order=last.finish_order + 1,
        validation_accuracy=1.0,
    )
    again = rebuild("s", run.spec, run.language, run.individuals, [*run.finishes, of_before])
    assert again.finishes_known == last.finish_order + 1
    lived = run.progress.decide(SearchState.RUNNING, 25, now=NOW)
    decided = again.decide(SearchState.RUNNING, 25, now=NOW)
    assert [each.method for each in decided.individuals] == [each.method for each in lived.individuals]


def test_a_tiny_vocabulary_ends_with_a_reason(cluster):
    run = cluster(letters="ab", trials=1000, in_flight=3).run()
    assert len({each.fingerprint for each in run.individuals}) == 5
    assert run.end.end is SearchState.COMPLETED
    assert "exhausted" in run.end.reason
    assert len(run.individuals) <= 10 + MAX_SUCCESSIVE * 2
    assert run.end.finalists


def test_finishes_must_be_heard_in_their_order(cluster):
    run = cluster(in_flight=3)
    run.step()
    first, second = run.finish_one(), run.finish_one()
    with pytest.raises(ValueError, match="finish 2 after 0"):
        run.progress.observe(second)
    run.progress.observe(first)
    run.progress.observe(second)


YARDSTICKS = (MethodSpec("indirect-feedback"), equation_method("jjjj"))


def test_yardsticks_are_trained_after_plain_backprop_and_take_nothing_of_the_budget(cluster):
    run = cluster(yardsticks=YARDSTICKS, start=("jjja",), trials=12).run()
    assert [each.origin for each in run.individuals[:4]] == [
        Origin.BASELINE,
        Origin.YARDSTICK,
        Origin.YARDSTICK,
        Origin.START,
    ]
    assert [trial.method for trial in run.of(Purpose.YARDSTICK)] == list(YARDSTICKS)
    assert run.individuals[1].canonical is None
    assert len(run.of(Purpose.SEARCH)) == 12


def test_a_yardstick_is_never_a_parent_though_nothing_is_better(cluster):
    run = cluster(yardsticks=YARDSTICKS, trials=60, population_size=2, best_probability=1.0).run()
    assert not {1, 2} & {each.parent for each in run.individuals}


def test_yardsticks_are_finalists_behind_the_best(cluster):
    run = cluster(yardsticks=YARDSTICKS, trials=20, confirm=(2, 3)).run()
    assert len(run.end.finalists) == 4
    assert run.end.finalists[2:] == YARDSTICKS


def test_a_search_with_yardsticks_replays(cluster):
    run = cluster(yardsticks=YARDSTICKS, trials=20, shuffled=4, in_flight=3).run()
    assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)
