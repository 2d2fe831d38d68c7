"""The plan of a search in a given time: shares, rungs, sizes. All is arithmetic, so all is a property."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.records.pruning import MAX_RUNGS
from backprop_evo.search.pace import Pace, TimedTraining, pace_of
from backprop_evo.search.time_plan import (
    LEAST_SEEDS,
    SEARCH,
    Exploration,
    Size,
    StageWish,
    drain_s,
    expected_steps,
    open_rungs,
    plan_time,
    shares_of,
    size_of,
    stage_time_s,
)

GUESS = Pace(step_s=0.2, overhead_s=1.0)
NAMES = ("finalists", "confirmation", "transfer")


def exploration(pace, steps=60, rungs=(10, 30), trials=10**6):
    return Exploration(trials=trials, measures=1, steps=steps, rungs=rungs, go_on=0.4, pace=pace)


def wish(name, pace, steps=60, best=1, seeds=3, others=3):
    return StageWish(
        name=name, best=best, seeds=seeds, others=others, steps=steps, training_s=pace.training_s(steps)
    )


class TestPace:
    def test_without_a_measurement_it_is_the_guess(self):
        assert pace_of([], GUESS) == GUESS
        assert GUESS.measured == 0

    def test_trainings_of_one_length_scale_the_guess(self):
        found = pace_of([TimedTraining(60, 26.0)] * 20, GUESS)
        assert found == Pace(step_s=0.4, overhead_s=2.0, measured=20)

    def test_trainings_of_several_lengths_give_the_line(self):
        times = [TimedTraining(steps, 3 + 0.5 * steps) for steps in (10, 10, 10, 30, 10, 60, 30, 60)]
        found = pace_of(times, GUESS)
        assert (found.step_s, found.overhead_s) == (pytest.approx(0.5), pytest.approx(3))

    @given(st.lists(st.tuples(st.floats(1, 500), st.floats(0.1, 100)), min_size=1, max_size=30))
    def test_it_is_never_negative_and_keeps_the_mean(self, measured):
        times = [TimedTraining(*each) for each in measured]
        found = pace_of(times, GUESS)
        assert found.step_s > 0
        assert found.overhead_s >= 0
        steps, seconds = (sum(each[place] for each in measured) / len(measured) for place in (0, 1))
        assert found.training_s(steps) == pytest.approx(seconds, rel=1e-6)


class TestRungs:
    def test_a_short_first_one_then_geometric(self):
        assert open_rungs(62, 3) == (10, 30)
        assert open_rungs(7800, 3) == (20, 60, 180, 540, 1620, 4860)
        assert open_rungs(10, 3) == ()

    @given(st.integers(1, 10**7), st.floats(1.001, 100))
    def test_they_may_always_be_asked_for(self, steps, reduction):
        rungs = open_rungs(steps, reduction)
        assert len(rungs) <= MAX_RUNGS
        assert list(rungs) == sorted(set(rungs))
        assert all(10 <= each < steps for each in rungs)

    def test_expected_steps_by_hand(self):
        assert expected_steps(60, (10, 30), 0.5) == 10 + 0.5 * 20 + 0.25 * 30
        assert expected_steps(60, (), 0.5) == 60


class TestShares:
    def test_that_of_an_absent_stage_goes_to_the_others(self):
        assert shares_of([SEARCH]) == {SEARCH: 1}
        assert shares_of([SEARCH, *NAMES])[SEARCH] == pytest.approx(0.55)
        two = shares_of([SEARCH, "confirmation"])
        assert two[SEARCH] / two["confirmation"] == pytest.approx(55 / 20)

    def test_a_stage_takes_of_what_is_left_and_never_all_that_a_short_search_left(self):
        assert stage_time_s(100, 73, 0.27, 0.27) == pytest.approx(27)
        assert stage_time_s(100, 10, 0.27, 0.27) == pytest.approx(27 * 1.25)
        assert stage_time_s(100, 120, 0.27, 0.27) == 0


class TestSize:
    def test_as_wished_where_that_fills_the_time(self):
        assert size_of(60, 1, [1.0] * 50, 3.0, Size(2, 12), 1.0) == Size(2, 12)

    def test_more_time_is_for_more_seeds_then_for_more_methods(self):
        small = size_of(20, 1, [1.0] * 50, 3.0, Size(1, 3), 1.0)
        large = size_of(400, 1, [1.0] * 50, 3.0, Size(1, 3), 1.0)
        assert small == Size(1, 5)
        assert large.best > 30
        assert 8 <= large.seeds <= 12

    def test_where_methods_run_out_there_are_more_seeds(self):
        assert size_of(400, 1, [1.0, 1.0], 2.0, Size(1, 3), 1.0) == Size(2, 100)

    def test_too_little_time_is_said(self):
        assert size_of(4, 1, [1.0] * 5, 3.0, Size(3, 3), 1.0) is None
        assert size_of(0, 2, [1.0], 1.0, Size(1, 3), 1.0) is None

    @given(
        st.floats(1, 1000),
        st.integers(1, 100),
        st.lists(st.floats(0.1, 10), min_size=1, max_size=30),
        st.floats(0.1, 50),
        st.integers(1, 10),
        st.integers(1, 10),
    )
    def test_it_never_takes_half_a_seed_more_than_fits(self, time_s, slots, best_s, others_s, best, seeds):
        size = size_of(time_s, slots, best_s, others_s, Size(best, seeds), max(best_s))
        if size is not None:
            cost = others_s + sum(best_s[: size.best])
            assert size.seeds >= LEAST_SEEDS
            assert size.seeds * cost <= slots * time_s + cost / 2


class TestDrain:
    def test_nothing_out_ends_at_once(self):
        assert drain_s(0, 2, 5, 10) == 0

    def test_what_runs_began_at_any_time_and_the_rest_waits(self):
        assert drain_s(1, 1, 4, 4) == 2
        assert drain_s(2, 1, 4, 4) == 4 + 2
        assert drain_s(128, 64, 4, 4) == pytest.approx(4 + 4 * 64 / 65)


@given(
    budget_s=st.floats(300, 100_000),
    slots=st.sampled_from([1, 2, 7, 64]),
    share=st.floats(0.001, 0.02),
    stages=st.lists(st.sampled_from(NAMES), unique=True, max_size=3),
)
def test_a_plan_fills_its_time_where_one_training_is_a_fiftieth_of_it(budget_s, slots, share, stages):
    pace = Pace(step_s=budget_s * share / 70, overhead_s=budget_s * share / 7)
    later = [wish(name, pace) for name in NAMES if name in stages]
    plan = plan_time(budget_s, slots, exploration(pace), later)
    assert [each.name for each in plan.stages] == [SEARCH, *(each.name for each in later)]
    assert plan.ends_s == pytest.approx(budget_s, rel=0.1)
    assert all(each.trainings >= 1 and each.seconds > 0 for each in plan.stages)
    assert plan.least_s <= budget_s


@given(slots=st.sampled_from([1, 2, 64]), stages=st.lists(st.sampled_from(NAMES), unique=True))
def test_the_least_budget_trains_a_rung_of_the_pool_and_every_stage(slots, stages):
    pace = Pace(step_s=0.1, overhead_s=1)
    later = [wish(name, pace) for name in NAMES if name in stages]
    least_s = plan_time(1.0, slots, exploration(pace), later).least_s
    first_rung_s = exploration(pace).whole_s + pace.training_s(10)
    assert least_s >= first_rung_s + sum(each.least_s(slots) for each in later)
    assert math.isfinite(least_s)


def test_a_bound_on_trials_ends_the_search_early_and_leaves_the_rest_of_the_time():
    plan = plan_time(1000, 2, exploration(GUESS, trials=5), [wish("confirmation", GUESS)])
    assert plan.trials == 5
    assert plan.ends_s < 450
