"""A search is a function of its rows: rebuilt it goes on as if it had lived, replayed it decides the same
again."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import TrialState
from backprop_evo.search.replay import replay
from backprop_evo.search.strategies import strategies

runs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**40),
        "trials": st.integers(1, 30),
        "in_flight": st.integers(1, 9),
        "population_size": st.integers(1, 12),
        "best_probability": st.sampled_from([0.0, 0.3, 0.7, 1.0]),
        "start_random": st.integers(1, 6),
        "start": st.sampled_from([(), ("aaaa",), ("abcd", "bcda", "jjjj")]),
        "letters": st.sampled_from(["ab", "abcd", "abcdefghij"]),
        "shuffled": st.integers(0, 2**20),
        "strategy": st.sampled_from(sorted(strategies())),
    }
)


def sometimes_diverging(trial):
    return TrialState.DIVERGED if Random(trial.id).random() < 0.3 else TrialState.COMPLETED


@settings(max_examples=60, deadline=None)
@given(options=runs)
def test_a_search_replays_from_its_finishing_order(cluster, options):
    run = cluster(**options, ends=sometimes_diverging).run()
    assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)


@settings(max_examples=60, deadline=None)
@given(options=runs, killed_after=st.integers(0, 60), data=st.data())
def test_a_rebuilt_brain_decides_what_the_one_that_lived_decides(cluster, options, killed_after, data):
    run = cluster(**options, ends=sometimes_diverging)
    lived, again = run.killed_after(killed_after, lambda least, most: data.draw(st.integers(least, most)))
    assert again == lived


def test_another_seed_is_another_search(cluster):
    one, two = cluster(seed=1).run(), cluster(seed=2).run()
    assert [each.method.equation for each in one.individuals] != [
        each.method.equation for each in two.individuals
    ]


def test_another_finishing_order_may_change_the_search_and_still_replays(cluster):
    orders = [cluster(in_flight=6, trials=40, shuffled=shuffle).run() for shuffle in range(4)]
    searches = {tuple(each.method.equation for each in run.individuals) for run in orders}
    assert len(searches) > 1
    for run in orders:
        assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)


def test_an_extended_search_replays(cluster):
    run = cluster(trials=10).run().run(trials=25)
    assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)


def test_a_tampered_row_is_seen(cluster):
    run = cluster(trials=30).run()
    finishes = [*run.finishes]
    changed = next(i for i, f in enumerate(finishes) if f.purpose is Purpose.SEARCH)
    finishes[changed] = finishes[changed].__class__(
        trial_id=finishes[changed].trial_id,
        individual=finishes[changed].individual,
        purpose=Purpose.SEARCH,
        state=TrialState.DIVERGED,
        finish_order=finishes[changed].finish_order,
        validation_accuracy=None,
    )
    assert replay(run.spec, run.language, run.individuals, finishes) != tuple(run.individuals)


def test_no_individuals_replay_to_none(cluster):
    assert replay(cluster().spec, cluster().language, [], []) == ()
