"""The course of a search: its best by trainings and by seconds, and what learned."""

from datetime import UTC, datetime
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.evaluation.courses import CoursePoint, course_of, guessing_at_most
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Origin
from backprop_evo.records.training import TrainSpec

SPEC = SearchSpec(name="s", train=TrainSpec(validation_images=100))
DONE, PRUNED, SCREENED = TrialState.COMPLETED, TrialState.PRUNED, TrialState.SCREENED


def end(individual, accuracy, *, state=DONE, purpose=Purpose.SEARCH, took=2.0):
    return EndRecord(
        individual=individual, purpose=purpose, state=state, validation_accuracy=accuracy, wall_time_s=took
    )


def individual(number, origin=Origin.RANDOM, **options):
    known = {"twin": None, "parent": None, "mutation": None, "canonical": None}
    return IndividualRecord(
        search_id="s",
        number=number,
        origin=origin,
        method=equation_method("g"),
        fingerprint=str(number),
        finishes_known=0,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        **{**known, **options},
    )


def test_points_are_where_the_best_rose_and_the_end():
    ends = [
        end(0, 0.9, purpose=Purpose.BASELINE, took=50.0),
        end(1, 0.2),
        end(2, None, state=SCREENED, took=0.5),
        end(3, 0.1),
        end(4, 0.4, state=PRUNED),
        end(5, 0.3, took=4.0),
        end(6, 0.3),
    ]
    course = course_of(SPEC, [], ends)
    assert (course.trainings, course.worker_s) == (5, 12.5)
    assert course.points == (CoursePoint(1, 2.0, 0.2), CoursePoint(4, 10.5, 0.3), CoursePoint(5, 12.5, 0.3))


AGAIN = Purpose.REMEASUREMENT


def test_a_lucky_one_that_is_measured_again_falls_and_another_may_be_the_best():
    individuals = [individual(1), individual(2), individual(3, Origin.REMEASUREMENT, remeasures=1)]
    course = course_of(SPEC, individuals, [end(1, 0.5), end(2, 0.4), end(3, 0.1, purpose=AGAIN)])
    assert [point.fitness for point in course.points] == [0.5, 0.4]
    assert (course.trainings, course.judged) == (3, 2), "a remeasurement costs, and proposes nothing"
    still = course_of(SPEC, individuals, [end(1, 0.5), end(2, 0.1), end(3, 0.25, purpose=AGAIN)])
    assert still.best_after() == 0.375, "the mean of both"


def test_one_that_does_not_train_on_another_seed_is_out():
    individuals = [
        *(individual(1), individual(2)),
        individual(3, Origin.REMEASUREMENT, remeasures=1),
        individual(4, Origin.REMEASUREMENT, remeasures=1),
    ]
    failed = end(3, None, state=TrialState.DIVERGED, purpose=AGAIN)
    ends = [end(1, 0.5), end(2, 0.4), failed, end(4, 0.9, purpose=AGAIN)]
    assert course_of(SPEC, individuals, ends).best_after() == 0.4


def test_the_best_after_so_much():
    course = course_of(SPEC, [], [end(1, 0.2), end(2, 0.1), end(3, 0.3)])
    assert [course.best_after(trainings=n) for n in range(4)] == [None, 0.2, 0.2, 0.3]
    assert course.best_after(worker_s=5.9) == 0.2
    assert course.best_after() == 0.3
    assert course_of(SPEC, [], []).best_after() is None


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([DONE, PRUNED]), st.floats(0, 9)), max_size=30))
def test_the_best_never_falls_and_is_the_greatest_fitness(given_ends):
    ends = [end(n, accuracy, state=state, took=took) for n, (accuracy, state, took) in enumerate(given_ends)]
    course = course_of(SPEC, [], ends)
    values = [point.fitness for point in course.points]
    assert values == sorted(values)
    assert course.best_after() == max((a for a, state, _ in given_ends if state is DONE), default=None)
    assert course.trainings == len(ends)


def test_guessing_comes_to_chance_and_three_standard_errors():
    assert guessing_at_most(SPEC) == pytest.approx(0.1 + 3 * sqrt(0.1 * 0.9 / 100))
    whole = SearchSpec(name="s", train=TrainSpec(validation_part="whole"))
    part = SearchSpec(name="s")
    assert guessing_at_most(whole) == pytest.approx(0.1 + 3 * sqrt(0.09 / 1000))
    assert guessing_at_most(part) == pytest.approx(0.1 + 3 * sqrt(0.09 / 600))


def test_what_learns_is_counted_among_what_was_proposed_and_judged():
    individuals = [
        individual(0, Origin.BASELINE),
        individual(1, Origin.START),
        individual(2),
        individual(3, twin=2),  # as the first of its behaviour
        individual(4, screened_out="no operand carries the error"),
        individual(5),
        individual(6, Origin.MUTATION),
        individual(7),  # still open
        individual(8, twin=7),
        individual(9, twin=0),  # behaves as plain backprop does
    ]
    ends = [
        end(0, 0.5, purpose=Purpose.BASELINE),
        end(1, 0.5),
        end(2, 0.4),
        end(5, None, state=TrialState.DIVERGED),
        end(6, 0.25, state=PRUNED),
    ]
    course = course_of(SPEC, individuals, ends)
    assert (course.judged, course.learning) == (6, 4), "2, 3, 6 and 9 learn; 4 and 5 do not"
    assert course.learning_share == pytest.approx(4 / 6)
    assert course_of(SPEC, [], []).learning_share is None
