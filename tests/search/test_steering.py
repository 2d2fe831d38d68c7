"""A search that people steer: equations put in and trials tried again at any moment, and it replays all the
same."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.search.replay import rebuild, replay
from backprop_evo.search.strategies import strategies

PUT_IN = ("jjjj", "abij", "aaaa", "jiji")

steered = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**40),
        "trials": st.integers(4, 24),
        "in_flight": st.integers(1, 6),
        "start_random": st.integers(1, 5),
        "shuffled": st.integers(0, 2**20),
        "strategy": st.sampled_from(sorted(strategies())),
    }
)


def often_lost(trial):
    return TrialState.LOST if Random(trial.id).random() < 0.4 else TrialState.COMPLETED


def steer(run, moments, *, most_steps=10_000):
    """Run it, at some steps put an equation in, and at others try all again that was lost by then."""
    again, waiting = set(), list(PUT_IN)
    for step in range(most_steps):
        if run.step().end is not None:
            break
        if step in moments and waiting:
            run.progress.inject([waiting.pop(0)])
        for _ in range(run.order.randint(1, len(run.out)) if run.out else 0):
            finish = run.finish_one()
            if finish.state is TrialState.LOST and finish.trial_id not in again:
                again.add(finish.trial_id)
                run.outcome = lambda trial: TrialState.COMPLETED if trial.id in again else often_lost(trial)
                for each in run.finishes[run.progress.finishes_known :]:
                    run.progress.observe(each)
                run.progress.reopen([finish.trial_id])
                run.out.append(next(each for each in run.trials if each.id == finish.trial_id))
    return again


@settings(max_examples=40, deadline=None)
@given(options=steered, moments=st.sets(st.integers(0, 12)))
def test_a_steered_search_replays(cluster, options, moments):
    run = cluster(**options, ends=often_lost)
    again = steer(run, moments)
    assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)
    # Every trial came to a second end where it was tried again, and the budget holds.
    ends = [each.trial_id for each in run.finishes]
    assert {each: ends.count(each) for each in again} == dict.fromkeys(again, 2)
    counted = [each for each in run.trials if each.purpose in (Purpose.SEARCH, Purpose.REMEASUREMENT)]
    assert len(counted) <= run.spec.trials


@settings(max_examples=40, deadline=None)
@given(options=steered, moments=st.sets(st.integers(0, 8)), killed_after=st.integers(1, 30))
def test_a_rebuilt_brain_goes_on_as_the_one_that_was_steered(cluster, options, moments, killed_after):
    run = cluster(**options, ends=often_lost)
    steer(run, moments, most_steps=killed_after)
    for finish in run.finishes[run.progress.finishes_known :]:
        run.progress.observe(finish)
    rebuilt = rebuild("s", run.spec, run.language, run.individuals, run.finishes)
    rebuilt.reopen(each.id for each in run.out)
    placed = sum(each.origin is Origin.INJECTED for each in run.individuals)
    assert rebuilt.injections_known == placed
    put_in = min(len(PUT_IN), run.progress.injections_known)
    rebuilt.inject(PUT_IN[placed:put_in])
    now = run.individuals[0].created_at
    lived = run.progress.decide(SearchState.RUNNING, run.spec.trials, now=now)
    assert rebuilt.decide(SearchState.RUNNING, run.spec.trials, now=now) == lived


def test_what_is_put_in_comes_before_anything_but_the_start(cluster):
    run = cluster(start=("abcd",), in_flight=1)
    run.progress.inject(["jjjj", "iiii"])
    while len(run.individuals) < 5:
        run.step()
        run.finish_one()
    assert [each.origin for each in run.individuals[:5]] == [
        Origin.BASELINE,
        Origin.START,
        Origin.INJECTED,
        Origin.INJECTED,
        Origin.RANDOM,
    ]
    assert [each.method.equation for each in run.individuals[2:4]] == ["jjjj", "iiii"]


def test_what_is_put_in_is_screened_and_told_apart_like_others(cluster):
    run = cluster(dead="ij", start=("abcd",), in_flight=5)
    run.progress.inject(["dcba", "jjij", "ffff"])
    run.step()
    twin, dead, new = (each for each in run.individuals if each.origin is Origin.INJECTED)
    assert (twin.twin, dead.screened_out, new.twin, new.screened_out) == (1, "dead letters", None, None)
    assert {each.individual for each in run.trials} & {twin.number, dead.number} == set()
    assert new.number in {each.individual for each in run.trials}


def test_what_is_put_in_waits_where_the_budget_is_spent_and_ends_no_later(cluster):
    run = cluster(trials=3)
    run.run()
    run.progress.inject(["jjjj"])
    assert run.progress.decide(SearchState.RUNNING, 3, now=run.individuals[0].created_at).end is not None
    assert run.step(trials=4).individuals[0].origin is Origin.INJECTED


def test_no_search_ends_while_a_trial_is_tried_again(cluster):
    run = cluster(
        trials=3, ends=lambda trial: TrialState.LOST if trial.individual == 2 else TrialState.COMPLETED
    )
    run.run()
    run.progress.reopen(["s.2"])
    assert run.step().end is None
    assert run.step(SearchState.STOPPING).end is None
    run.outcome = lambda _trial: TrialState.COMPLETED
    run.out.append(next(each for each in run.trials if each.id == "s.2"))
    run.finish_one()
    assert run.step().end is SearchState.COMPLETED
