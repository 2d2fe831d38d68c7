"""Where the seconds of a training went: all of them, each once."""

from dataclasses import replace

import pytest

import dsl
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.run.rungs import Rungs
from backprop_evo.training.run.stopwatch import Stopwatch

TINY = TrainSpec(
    model="mlp-8", epochs=1.0, batch_size=16, train_images=128, validation_images=50, learning_rate=0.1
)


def test_every_moment_belongs_to_the_activity_that_is_noted_after_it():
    times = iter((10.0, 11.0, 14.0, 14.5, 20.0))
    watch = Stopwatch(lambda: next(times))
    for activity in ("data", "steps", "measuring", "steps"):
        watch.note(activity)
    assert watch.seconds == {"data": 1.0, "steps": 8.5, "measuring": 0.5}


@pytest.mark.parametrize(
    "rate", [0.1, RelativeStepGrid(relative_steps=(0.03,)), RelativeStepGrid(probe_epochs=0.5)]
)
def test_a_training_tells_where_all_of_its_time_went(rate):
    judged = []
    rungs = Rungs((3,), lambda value: judged.append(value.step), screens=True)
    result = train_child(dsl.parse("g"), replace(TINY, learning_rate=rate), seed=0, rungs=rungs)
    assert result.outcome is TrialState.COMPLETED
    assert judged
    assert set(result.seconds) == {"data", "set-up", "first step", "steps", "measuring", "judging"}
    assert min(result.seconds.values()) >= 0.0
    assert sum(result.seconds.values()) == pytest.approx(result.wall_time_s, abs=0.05)


def test_what_ends_before_its_first_step_had_only_a_set_up():
    result = train_child(dsl.parse("g - g"), TINY, seed=0, rungs=Rungs(screens=True))
    assert result.outcome is TrialState.SCREENED
    assert {"data", "set-up"} <= set(result.seconds)
    assert "steps" not in result.seconds
