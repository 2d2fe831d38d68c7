"""The rate over a run: constant up to 50 epochs, warm-up and cosine above."""

import pytest

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.run.schedule import course_at, resolved_schedule


@pytest.mark.parametrize(
    ("epochs", "schedule", "resolved"),
    [(20, "auto", "constant"), (50, "auto", "constant"), (50.5, "auto", "cosine"), (2, "cosine", "cosine")],
)
def test_the_schedule_depends_on_the_length(epochs, schedule, resolved):
    assert resolved_schedule(TrainSpec(epochs=epochs, schedule=schedule)) == resolved


def test_constant_is_constant():
    assert {course_at(step, 100, "constant") for step in range(100)} == {1.0}


def test_cosine_warms_up_over_a_tenth_and_ends_near_zero():
    rates = [course_at(step, 1000, "cosine") for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[99] == pytest.approx(1.0)
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[549] == pytest.approx(0.5, abs=0.01)
    assert 0 < rates[-1] < 1e-4


def test_a_run_of_one_step_has_a_rate():
    assert course_at(0, 1, "cosine") == pytest.approx(1.0)
